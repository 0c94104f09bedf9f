//! Which scope a personal access token needs for a route. Logins need none: they are the person.

use actix_web::http::Method;
use melo_domain::{Area, Level, Scope};

/// The areas, by the beginning of the route. What is not listed is the account itself.
const AREAS: &[(&str, Area)] = &[
    ("/admin", Area::Admin),
    ("/messages", Area::Chat),
    ("/history", Area::Chat),
    ("/chats", Area::Chat),
    ("/invites", Area::Chat),
    ("/schedule", Area::Chat),
    ("/drafts", Area::Chat),
    ("/status/read", Area::Chat),
    ("/events", Area::Chat),
    ("/sync", Area::Chat),
    ("/ws_ticket", Area::Chat),
    ("/users", Area::Users),
    ("/status/typing", Area::Chat),
    ("/status", Area::Users),
    ("/avatar/{uid}", Area::Users),
    ("/ice_servers", Area::Calls),
    ("/calls", Area::Calls),
];

/// What decides about access itself, whatever the method.
const SENSITIVE: &[&str] = &[
    "/password",
    "/reauthenticate",
    "/two_factor",
    "/tokens",
    "/devices",
    "/sessions",
    "/logout",
    "/account",
    "/e2e",
    "/keys",
];

/// The scope for a call of the route `pattern`; a route without one, which cannot be, needs the most.
pub(crate) fn required(method: &Method, pattern: Option<&str>) -> Scope {
    let Some(pattern) = pattern else {
        return Scope {
            area: Area::Admin,
            level: Level::Admin,
        };
    };
    let found = AREAS.iter().find(|(start, _)| pattern.starts_with(start));
    let area = found.map_or(Area::Api, |(_, area)| *area);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let sensitive = SENSITIVE.iter().any(|start| pattern.starts_with(start));
    let level = match (reads, sensitive) {
        (true, _) => Level::Read,
        (false, false) => Level::Write,
        (false, true) => Level::Admin,
    };
    Scope { area, level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_need_what_they_touch() {
        for (method, pattern, scope) in [
            (Method::GET, "/profile", "api:read"),
            (Method::PUT, "/profile", "api:write"),
            (Method::POST, "/messages/send", "chat:write"),
            (Method::GET, "/messages/history/dm/{uid}", "chat:read"),
            (Method::GET, "/chats/{chat_id}/pins", "chat:read"),
            (Method::POST, "/drafts", "chat:write"),
            (Method::GET, "/calls/active", "calls:read"),
            (Method::POST, "/calls/quality", "calls:write"),
            (Method::DELETE, "/schedule/{id}", "chat:write"),
            (Method::POST, "/status/read", "chat:write"),
            (Method::POST, "/password/change", "api:admin"),
            (Method::POST, "/tokens", "api:admin"),
            (Method::DELETE, "/sessions/{id}", "api:admin"),
            (Method::GET, "/admin/users", "admin:read"),
            (Method::POST, "/admin/users/{uid}/ban", "admin:write"),
            (Method::POST, "/avatar/upload", "api:write"),
            (Method::GET, "/avatar/{uid}", "users:read"),
            (Method::GET, "/users/search", "users:read"),
            (Method::GET, "/events", "chat:read"),
            (Method::POST, "/events/ack", "chat:write"),
            (Method::GET, "/sync", "chat:read"),
            (Method::PUT, "/privacy", "api:write"),
            (Method::POST, "/blocks", "api:write"),
            (Method::POST, "/subscribe/reject", "api:write"),
            (Method::GET, "/contacts/requests", "api:read"),
            (Method::DELETE, "/contacts/{uid}", "api:write"),
            (Method::GET, "/status/contacts", "users:read"),
            (Method::POST, "/status/away", "users:write"),
            (Method::POST, "/status/typing", "chat:write"),
            (Method::GET, "/statuses", "users:read"),
            (Method::GET, "/ice_servers", "calls:read"),
            (Method::POST, "/account/export", "api:admin"),
            (Method::POST, "/account/delete", "api:admin"),
        ] {
            assert_eq!(required(&method, Some(pattern)).to_string(), scope);
        }
        assert_eq!(required(&Method::GET, None).to_string(), "admin:admin");
    }
}

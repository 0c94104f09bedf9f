//! The never-log list as field names, and the filter that enforces it.

use tracing::Metadata;

/// Names that no field of an event or span may have. The crate documentation says why, group by group.
pub const FIELDS: &[&str] = &[
    // people
    "phone",
    "name",
    "nickname",
    "username",
    "bio",
    "avatar",
    "email",
    "mail",
    "uid",
    "user_id",
    "unique_id",
    "target_id",
    "identifier",
    // secrets
    "password",
    "password_hash",
    "passphrase",
    "token",
    "access_token",
    "device_token",
    "refresh_token",
    "csrf_token",
    "push_token",
    "jwt",
    "ticket",
    "invite",
    "cookie",
    "authorization",
    "secret",
    "private_key",
    "root_key",
    "key",
    // content
    "payload",
    "data",
    "content",
    "ciphertext",
    "envelope",
    "title",
    "reaction",
    "sdp",
    "candidate",
    "endpoint",
    // traces of people
    "ip",
    "ip_address",
    "addr",
    "peer",
    "peer_addr",
    "remote_addr",
    "user_agent",
    "device_id",
    "last_seen",
    // carriers
    "request",
    "response",
    "headers",
    "body",
    "query",
    "uri",
    "url",
    "path",
    "sql",
];

/// The first field of this event or span that is on the list.
pub fn offending_field(metadata: &Metadata<'_>) -> Option<&'static str> {
    metadata
        .fields()
        .iter()
        .map(|field| field.name())
        .find(|name| FIELDS.contains(name))
}

/// Whether the event or span may be written. Asked once per place in the code, not once per event.
pub(crate) fn allows(metadata: &Metadata<'_>) -> bool {
    match offending_field(metadata) {
        None => true,
        Some(field) => {
            // Said once per place; without it a developer would look for a log line in vain.
            eprintln!(
                "log: {}:{} writes the field `{field}`, which is on the never-log list; it is left out",
                metadata.file().unwrap_or("?"),
                metadata.line().unwrap_or(0),
            );
            false
        }
    }
}

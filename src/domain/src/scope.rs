//! What a personal access token is good for: areas of the API, and how far in each.

use std::fmt;
use std::str::FromStr;

/// A part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The account itself: profile, contacts, keys, devices, sessions.
    Api,
    /// Messages, groups, channels.
    Chat,
    /// Other people: profiles, presence, search.
    Users,
    /// Calls.
    Calls,
    /// The admin API, as far as the person's role goes.
    Admin,
}

/// How far. Each level implies the ones below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// What decides about access itself: passwords, tokens, devices, deletion.
    Admin,
}

const AREAS: [(Area, &str); 5] = [
    (Area::Api, "api"),
    (Area::Chat, "chat"),
    (Area::Users, "users"),
    (Area::Calls, "calls"),
    (Area::Admin, "admin"),
];
const LEVELS: [(Level, &str); 3] = [
    (Level::Read, "read"),
    (Level::Write, "write"),
    (Level::Admin, "admin"),
];

/// One scope, `chat:write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Where.
    pub area: Area,
    /// How far.
    pub level: Level,
}

/// Not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be area:level with area one of api, chat, users, calls, admin and level one of read, write, admin"
)]
pub struct InvalidScope;

impl FromStr for Scope {
    type Err = InvalidScope;
    fn from_str(s: &str) -> Result<Self, InvalidScope> {
        let (area, level) = s.split_once(':').ok_or(InvalidScope)?;
        let area = AREAS.iter().find(|(_, name)| *name == area);
        let level = LEVELS.iter().find(|(_, name)| *name == level);
        match (area, level) {
            (Some((area, _)), Some((level, _))) => Ok(Self {
                area: *area,
                level: *level,
            }),
            _ => Err(InvalidScope),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let area = AREAS.iter().find(|(area, _)| *area == self.area);
        let level = LEVELS.iter().find(|(level, _)| *level == self.level);
        write!(
            f,
            "{}:{}",
            area.map_or("", |(_, name)| name),
            level.map_or("", |(_, name)| name)
        )
    }
}

/// A set of scopes: the highest level in each area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes([Option<Level>; 5]);

impl Scopes {
    /// Whether the set covers this scope.
    pub fn allow(self, scope: Scope) -> bool {
        self.0[scope.area as usize].is_some_and(|level| level >= scope.level)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::default();
        for scope in scopes {
            let held = &mut set.0[scope.area as usize];
            *held = (*held).max(Some(scope.level));
        }
        set
    }
}

impl fmt::Display for Scopes {
    /// `api:read chat:write`, as in a token's `scope` claim (RFC 8693, section 4.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = AREAS
            .iter()
            .filter_map(|(area, _)| Some((*area, self.0[*area as usize]?)));
        for (i, (area, level)) in held.enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}", Scope { area, level })?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = InvalidScope;
    fn from_str(s: &str) -> Result<Self, InvalidScope> {
        s.split_whitespace().map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_implies_the_lower_ones_in_its_own_area_only() {
        let set: Scopes = "chat:write admin:admin".parse().unwrap();
        for (scope, allowed) in [
            ("chat:read", true),
            ("chat:write", true),
            ("chat:admin", false),
            ("admin:read", true),
            ("admin:write", true),
            ("admin:admin", true),
            ("api:read", false),
            ("users:read", false),
        ] {
            assert_eq!(set.allow(scope.parse().unwrap()), allowed, "{scope}");
        }
    }

    #[test]
    fn sets_round_trip_and_keep_the_highest_level() {
        let set: Scopes = "chat:read chat:write users:read".parse().unwrap();
        assert_eq!(set.to_string(), "chat:write users:read");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for bad in ["chat", "chat:", ":read", "chat:all", "Chat:read", "user"] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad}");
        }
    }
}

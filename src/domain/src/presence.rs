//! Whether a person is there, and what of that others are let see.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Privacy, Relation, Timestamp};

/// Whether a person is there. The greater one counts of what several devices say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Nowhere connected.
    #[default]
    Offline,
    /// Connected, and doing something else.
    Away,
    /// There.
    Online,
}

impl PresenceStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Online => "online",
        }
    }
}

impl fmt::Display for PresenceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a person's being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whereabouts {
    /// Now.
    pub status: PresenceStatus,
    /// Since when they are away.
    pub away_since: Option<Timestamp>,
    /// When they were last there, as it was noted.
    pub seen: Option<Timestamp>,
}

/// What somebody is shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownPresence {
    /// Offline, where it is not for them.
    pub status: PresenceStatus,
    /// None, where it is not for them, or not known.
    pub last_seen: Option<Timestamp>,
}

impl Privacy {
    /// What somebody who stands like this sees. When one was last there is only for who sees that one is there: it
    /// would tell what the other switch hides.
    pub fn shown(&self, relation: Relation, there: Whereabouts, now: Timestamp) -> ShownPresence {
        if !self.online.includes(relation) {
            return ShownPresence {
                status: PresenceStatus::Offline,
                last_seen: None,
            };
        }
        let last_seen = match there.status {
            PresenceStatus::Online => Some(now),
            PresenceStatus::Away => there.away_since.or(there.seen),
            PresenceStatus::Offline => there.seen,
        };
        ShownPresence {
            status: there.status,
            last_seen: last_seen.filter(|_| self.last_seen.includes(relation)),
        }
    }
}

impl ShownPresence {
    /// In the words of existing clients, who know no `away`: `online`, `was at <time>`, `inactive`.
    pub fn in_words(&self) -> String {
        match (self.status, self.last_seen) {
            (PresenceStatus::Online, _) => "online".to_owned(),
            (_, Some(at)) => format!("was at {at}"),
            (_, None) => "inactive".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Audience;

    #[test]
    fn nothing_tells_what_a_switch_hides() {
        use Audience::{Contacts, Nobody};
        use PresenceStatus::{Away, Offline, Online};
        let (now, seen, away) = (
            Timestamp::from_millis(9000),
            Timestamp::from_millis(1000),
            Timestamp::from_millis(5000),
        );
        let table = [
            (Online, Contacts, Contacts, Online, Some(now), "online"),
            (Online, Contacts, Nobody, Online, None, "online"),
            (Online, Nobody, Contacts, Offline, None, "inactive"),
            (Offline, Nobody, Contacts, Offline, None, "inactive"),
            (Online, Nobody, Nobody, Offline, None, "inactive"),
            (
                Away,
                Contacts,
                Contacts,
                Away,
                Some(away),
                "was at 1970-01-01T00:00:05.000Z",
            ),
            (Away, Contacts, Nobody, Away, None, "inactive"),
            (
                Offline,
                Contacts,
                Contacts,
                Offline,
                Some(seen),
                "was at 1970-01-01T00:00:01.000Z",
            ),
            (Offline, Contacts, Nobody, Offline, None, "inactive"),
        ];
        for (status, online, last_seen, shown, at, words) in table {
            let privacy = Privacy {
                last_seen,
                online,
                ..Privacy::default()
            };
            let there = Whereabouts {
                status,
                away_since: (status == Away).then_some(away),
                seen: Some(seen),
            };
            let seen_as = privacy.shown(Relation::Contact, there, now);
            assert_eq!((seen_as.status, seen_as.last_seen), (shown, at));
            assert_eq!(seen_as.in_words(), words);
            for other in [Relation::Stranger, Relation::Blocked] {
                let seen_as = privacy.shown(other, there, now);
                assert_eq!((seen_as.status, seen_as.last_seen), (Offline, None));
            }
        }
    }
}

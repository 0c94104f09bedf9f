//! What a person lets others see of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// For whom something is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// For every account of this server.
    Everyone,
    /// For accepted contacts.
    Contacts,
    /// For nobody but the person.
    Nobody,
}

/// How the one who looks stands to the one who is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They are the same.
    Oneself,
    /// They are accepted contacts.
    Contact,
    /// They are not.
    Stranger,
    /// One has blocked the other, whatever else they are.
    Blocked,
}

/// Not the name of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of everyone, contacts, nobody")]
pub struct UnknownAudience;

impl Audience {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Everyone, Self::Contacts, Self::Nobody];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }

    /// Whether somebody who stands like this may see it.
    pub fn includes(self, relation: Relation) -> bool {
        match relation {
            Relation::Oneself => true,
            Relation::Contact => self != Self::Nobody,
            Relation::Stranger => self == Self::Everyone,
            Relation::Blocked => false,
        }
    }
}

impl FromStr for Audience {
    type Err = UnknownAudience;
    fn from_str(s: &str) -> Result<Self, UnknownAudience> {
        let found = Self::ALL.iter().find(|audience| audience.as_str() == s);
        found.copied().ok_or(UnknownAudience)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person's switches. What is missing where they are kept is as for somebody who never set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Privacy {
    /// When one was last there.
    pub last_seen: Audience,
    /// Whether one is there.
    pub online: Audience,
    /// One's picture.
    pub avatar: Audience,
    /// One's phone, which goes out with contact requests and their acceptance, and in no other way.
    pub phone: Audience,
    /// Who finds one by username.
    pub username_search: Audience,
    /// Whether one's contacts learn what one has read. Who does not tell is not told either.
    pub read_receipts: bool,
    /// Whether one's contacts see that one is writing.
    pub typing: bool,
}

impl Default for Privacy {
    /// What existing clients' people are used to.
    fn default() -> Self {
        Self {
            last_seen: Audience::Contacts,
            online: Audience::Contacts,
            avatar: Audience::Contacts,
            phone: Audience::Everyone,
            username_search: Audience::Everyone,
            read_receipts: true,
            typing: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_audience_and_relation_is_as_the_table_says() {
        use Relation::{Blocked, Contact, Oneself, Stranger};
        let table = [
            (Audience::Everyone, [true, true, true, false]),
            (Audience::Contacts, [true, true, false, false]),
            (Audience::Nobody, [true, false, false, false]),
        ];
        assert_eq!(table.len(), Audience::ALL.len());
        for (audience, expected) in table {
            let relations = [Oneself, Contact, Stranger, Blocked];
            assert_eq!(relations.map(|r| audience.includes(r)), expected);
            assert_eq!(audience.as_str().parse(), Ok(audience));
        }
        assert_eq!("Everyone".parse::<Audience>(), Err(UnknownAudience));
    }

    #[test]
    fn switches_that_are_not_there_yet_are_as_by_default() {
        let kept: Privacy = serde_json::from_str(r#"{"online":"nobody","of_later":1}"#).unwrap();
        let expected = Privacy {
            online: Audience::Nobody,
            ..Privacy::default()
        };
        assert_eq!(kept, expected);
    }
}

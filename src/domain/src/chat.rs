//! Logs, the events in them, and contacts. The numbers are what the database keeps: they never change meaning.

/// The longest payload of one message, in bytes (contract: 1 MiB).
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// A number in the database that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} code {code}")]
pub struct UnknownCode {
    /// Which enumeration.
    pub what: &'static str,
    /// The number found.
    pub code: i16,
}

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $code:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// The number the database keeps.
            pub fn code(self) -> i16 {
                match self { $(Self::$variant => $code),* }
            }

            /// Reads the number back.
            pub fn from_code(code: i16) -> Result<Self, UnknownCode> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    code => Err(UnknownCode { what: $what, code }),
                }
            }
        }
    };
}

coded!(
    /// What a log is the log of.
    LogKind, "log kind" {
        /// One person's own notices: contact requests, changes of keys.
        Private = 1,
        /// The conversation of two people.
        Direct = 2,
    }
);

coded!(
    /// What happened.
    EventKind, "event kind" {
        /// A message, opaque to us.
        Message = 1,
        /// Somebody asks the owner of this private log to become a contact.
        SubscriptionRequest = 2,
        /// A request of the owner of this private log was accepted.
        SubscriptionConfirmed = 3,
        /// A contact's (or one's own) device keys changed.
        KeysChanged = 4,
    }
);

coded!(
    /// How one person stands to another. A mutual contact is `Accepted` in both directions.
    ContactStatus, "contact status" {
        /// Asked, not answered.
        Pending = 1,
        /// May write.
        Accepted = 2,
        /// Asked, and refused.
        Rejected = 3,
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_unknown_ones_are_named() {
        for kind in [
            EventKind::Message,
            EventKind::SubscriptionRequest,
            EventKind::SubscriptionConfirmed,
            EventKind::KeysChanged,
        ] {
            assert_eq!(EventKind::from_code(kind.code()), Ok(kind));
        }
        assert_eq!(
            LogKind::from_code(99),
            Err(UnknownCode {
                what: "log kind",
                code: 99
            })
        );
    }
}

//! Logs, the events in them, and contacts. The numbers are what the database keeps: they never change meaning.

use crate::coded::coded;

/// The longest payload of one message, in bytes (contract: 1 MiB).
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

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
        /// The owner of this private log signed in on another device.
        NewDevice = 5,
        /// Something happened to the account that its owner should know.
        SecurityAlert = 6,
        /// A contact's account was deleted.
        AccountDeleted = 7,
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
        /// The other account was deleted: what was written stays to be read.
        Gone = 4,
        /// Asked while the other had blocked them: nobody was told.
        Held = 5,
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnknownCode;

    #[test]
    fn codes_round_trip_and_unknown_ones_are_named() {
        for kind in [
            EventKind::Message,
            EventKind::SubscriptionRequest,
            EventKind::SubscriptionConfirmed,
            EventKind::KeysChanged,
            EventKind::NewDevice,
            EventKind::SecurityAlert,
            EventKind::AccountDeleted,
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

//! One-time codes, mailed tokens, and what became of a text message.

use crate::coded::coded;

coded!(
    /// What a one-time code is good for.
    CodePurpose, "code purpose" {
        /// Registering with this phone.
        Register = 1,
        /// A new password for this account.
        Reset = 2,
    }
);

coded!(
    /// What a mailed token is good for.
    MailTokenPurpose, "mail token purpose" {
        /// A new password.
        Reset = 1,
        /// Confirming that the address is one's own.
        ConfirmEmail = 2,
    }
);

coded!(
    /// What became of a text message.
    #[derive(PartialOrd, Ord)]
    DeliveryStatus, "delivery status" {
        /// In our queue.
        Queued = 1,
        /// The provider has it.
        Sent = 2,
        /// It did not arrive.
        Failed = 3,
        /// The phone has it.
        Delivered = 4,
    }
);

/// Not a status that a provider reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of sent, delivered, failed")]
pub struct UnknownDeliveryStatus;

impl DeliveryStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
        }
    }
}

impl std::str::FromStr for DeliveryStatus {
    type Err = UnknownDeliveryStatus;
    fn from_str(s: &str) -> Result<Self, UnknownDeliveryStatus> {
        match s {
            "sent" => Ok(Self::Sent),
            "delivered" => Ok(Self::Delivered),
            "failed" => Ok(Self::Failed),
            _ => Err(UnknownDeliveryStatus),
        }
    }
}

//! What can go wrong in [`crate::client`].

use melo_domain::{LogId, Uid};
use melo_protocol::ErrorCode;

use crate::address::AddressError;
use crate::crypto::RandomError;
use crate::crypto::chat_key::ChatKeyError;
use crate::crypto::directory::DirectoryError;
use crate::crypto::envelope::EnvelopeError;
use crate::crypto::legacy::LegacyError;
use crate::crypto::passphrase::PassphraseError;
use crate::crypto::rsa_keys::RsaKeyError;
use crate::keystore::KeystoreError;
use crate::rest::ApiError;
use crate::tls::TlsError;

/// Why something asked of the client was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused, or cannot be reached.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The key store.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The message could not be sealed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The message could not be sealed in the existing clients' form.
    #[error(transparent)]
    Legacy(#[from] LegacyError),
    /// Too much is waiting to be said in calls, and there is no connection.
    #[error("too much is waiting to be said in calls; there is no connection to the server")]
    TooManyCallFrames,
    /// A chat's key could not be wrapped.
    #[error(transparent)]
    ChatKey(#[from] ChatKeyError),
    /// Not, or no longer, a member of that chat.
    #[error("this account is not a member of chat {0}")]
    NotAMember(LogId),
    /// No member of the chat has a device that can be given a key.
    #[error("no member of chat {0} has a device that can receive messages")]
    NobodyToReach(LogId),
    /// The members' devices changed faster than the key could be handed out.
    #[error("the members of chat {0} are changing right now; try again in a moment")]
    Unsettled(LogId),
    /// The person has only an existing client, which reads plain texts alone.
    #[error("the program of {0} cannot show this; it reads texts only")]
    TextsOnly(Uid),
    /// The key directory of a person is not believed.
    #[error("the keys of {uid} are refused: {error}")]
    Directory {
        /// Whose.
        uid: Uid,
        /// Why.
        error: DirectoryError,
    },
    /// Another device gave one's own account another identity.
    #[error("the identity of this account ({0}) was replaced by another device")]
    OwnIdentityChanged(Uid),
    /// The key backup does not open.
    #[error("the key backup does not open: {0}")]
    Backup(PassphraseError),
    /// The account has no key backup.
    #[error("the account has no key backup")]
    NoBackup,
    /// An RSA key.
    #[error(transparent)]
    RsaKey(#[from] RsaKeyError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The private keys in the key store cannot be read.
    #[error("the private keys in the key store cannot be read")]
    UnreadableKeys,
    /// Not an accepted contact.
    #[error("{0} is not a contact")]
    NotAContact(Uid),
    /// The person has an identity, but no device.
    #[error("{0} has no device that can receive messages")]
    NoDevices(Uid),
    /// The server wants a message sealed for a device that the person's identity does not vouch for.
    #[error("the server lists a device of {0} that is not signed by their identity")]
    UnsignedDevice(Uid),
    /// The person has no identity key, so there is nothing to compare.
    #[error("{0} has no identity key yet")]
    NoIdentity(Uid),
    /// The key store is of another account.
    #[error("the key store belongs to {0}")]
    OtherAccount(Uid),
    /// The device's login is no longer good; the password is needed.
    #[error("this device is signed out")]
    SignedOut,
    /// A background task was cut off.
    #[error("the program is stopping")]
    Stopping,
}

impl ClientError {
    /// The server's stable code, when it was the server that refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the same may succeed later as it is.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Api(error) => error.is_transient(),
            Self::Unsettled(_) => true,
            _ => false,
        }
    }
}

//! What went wrong, in words: what happened, what to do, and the exit code (the numbers are those of
//! sysexits.h where it has one).

use std::fmt::Display;
use std::process::ExitCode;

use melo_client::ClientError;
use melo_client::client::{Ended, SendError};
use melo_client::crypto::directory::DirectoryError;
use melo_client::crypto::envelope::EnvelopeError;
use melo_client::crypto::legacy::LegacyError;
use melo_client::crypto::padding::PaddingError;
use melo_client::crypto::passphrase::PassphraseError;
use melo_client::keystore::KeystoreError;
use melo_client::rest::ApiError;
use melo_protocol::{ErrorCode, Problem};

use crate::catalogue::{Text, text};

/// Something else.
pub const OTHER: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Keys are refused.
pub const KEYS: u8 = 65;
/// The server cannot be reached.
pub const UNREACHABLE: u8 = 69;
/// Not now.
pub const LATER: u8 = 75;
/// Refused.
pub const REFUSED: u8 = 77;
/// The profile or the certificate.
pub const CONFIG: u8 = 78;
/// SIGINT or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// A failure to tell the person about.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// What happened.
    pub fn new(code: u8, what: String) -> Self {
        Self {
            code,
            what,
            hint: None,
        }
    }

    /// What to do.
    pub fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    fn of(code: u8, what: Text, values: &[&dyn Display]) -> Self {
        Self::new(code, text(what, values))
    }

    fn todo(self, what: Text, values: &[&dyn Display]) -> Self {
        self.hint(text(what, values))
    }

    /// The same failure of a message that stays in the outbox.
    pub fn of_kept_message(self) -> Self {
        Self {
            code: LATER,
            ..self
        }
        .todo(Text::DoKept, &[])
    }

    /// What happened, on one line.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Tells it on standard error.
    pub fn report(&self) -> ExitCode {
        eprintln!("melo-cli: {}: {}", text(Text::ErrorWord, &[]), self.what);
        if let Some(hint) = &self.hint {
            eprintln!("  {hint}");
        }
        ExitCode::from(self.code)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(OTHER, error.to_string())
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused(problem) => of_problem(&problem),
            ApiError::Status(status) => {
                Self::of(UNREACHABLE, Text::ErrNotMelo, &[&status]).todo(Text::DoUnreachable, &[])
            }
            ApiError::Untrusted(why) => {
                Self::of(CONFIG, Text::ErrUntrusted, &[&why]).todo(Text::DoUntrusted, &[])
            }
            ApiError::Unreachable(why) => {
                Self::of(UNREACHABLE, Text::ErrUnreachable, &[&why]).todo(Text::DoUnreachable, &[])
            }
            ApiError::Answer => Self::of(OTHER, Text::ErrAnswer, &[]).todo(Text::DoUpgrade, &[]),
            ApiError::Request | ApiError::Setup => Self::new(OTHER, error.to_string()),
        }
    }
}

fn of_problem(problem: &Problem) -> Failure {
    let known = |what| Failure::of(REFUSED, what, &[]);
    match problem.code {
        ErrorCode::InvalidCredentials => known(Text::ErrCredentials),
        ErrorCode::SecondFactorInvalid => {
            known(Text::ErrSecondFactor).todo(Text::DoSecondFactor, &[])
        }
        ErrorCode::CodeInvalid => known(Text::ErrCode).todo(Text::DoCode, &[]),
        ErrorCode::InviteInvalid => known(Text::ErrInvite).todo(Text::DoInvite, &[]),
        ErrorCode::RegistrationClosed => known(Text::ErrClosed),
        ErrorCode::PhoneTaken => known(Text::ErrPhoneTaken).todo(Text::DoLogin, &[]),
        ErrorCode::NotAContact => known(Text::ErrNotAContact).todo(Text::DoAddContact, &[]),
        ErrorCode::UserNotFound => known(Text::ErrUserNotFound),
        ErrorCode::AlreadySubscribed => known(Text::ErrAlreadySubscribed),
        ErrorCode::NoPendingRequest => known(Text::ErrNoPendingRequest),
        ErrorCode::SelfTarget => known(Text::ErrSelfTarget),
        ErrorCode::IdentityConflict => known(Text::ErrIdentityConflict).todo(Text::DoRecovery, &[]),
        ErrorCode::RateLimited | ErrorCode::TooManyConnections => {
            wait(Text::ErrRateLimited, problem)
        }
        ErrorCode::Overloaded | ErrorCode::ShuttingDown => wait(Text::ErrBusyServer, problem),
        _ => Failure::new(REFUSED, problem.detail.clone()),
    }
}

fn wait(what: Text, problem: &Problem) -> Failure {
    let failure = Failure::of(LATER, what, &[]);
    match problem.retry_after {
        Some(seconds) => failure.todo(Text::DoWait, &[&seconds]),
        None => failure.todo(Text::DoWaitSome, &[]),
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        match &error {
            KeystoreError::Missing(path) => {
                Self::of(CONFIG, Text::ErrNoProfile, &[&path.display()]).todo(Text::DoRegister, &[])
            }
            KeystoreError::Exists(path) => {
                Self::of(CONFIG, Text::ErrProfileExists, &[&path.display()])
                    .todo(Text::DoOtherProfile, &[])
            }
            KeystoreError::Busy(_) => {
                Self::of(CONFIG, Text::ErrProfileBusy, &[]).todo(Text::DoCloseOther, &[])
            }
            KeystoreError::Passphrase(PassphraseError::Wrong) => {
                Self::of(REFUSED, Text::ErrPassphrase, &[])
            }
            KeystoreError::Passphrase(_) | KeystoreError::Content(_) | KeystoreError::Io { .. } => {
                Self::new(CONFIG, error.to_string())
            }
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Api(error) => error.into(),
            ClientError::Keystore(error) => error.into(),
            ClientError::Tls(error) => Self::new(CONFIG, error.to_string()),
            ClientError::Address(error) => Self::new(USAGE, error.to_string()),
            ClientError::OwnIdentityChanged(uid) => {
                Self::of(KEYS, Text::ErrOwnIdentity, &[]).todo(Text::DoOwnIdentity, &[&uid])
            }
            ClientError::Directory {
                uid,
                error: DirectoryError::IdentityChanged,
            } => Self::of(KEYS, Text::ErrIdentityChanged, &[&uid]).todo(Text::DoVerify, &[&uid]),
            ClientError::Directory { uid, error } => {
                Self::of(KEYS, Text::ErrDirectory, &[&uid, &error]).todo(Text::DoDirectory, &[])
            }
            ClientError::UnsignedDevice(uid) => {
                Self::of(KEYS, Text::ErrUnsignedDevice, &[&uid]).todo(Text::DoDirectory, &[])
            }
            ClientError::Backup(PassphraseError::Wrong) => {
                Self::of(REFUSED, Text::ErrBackup, &[]).todo(Text::DoRecovery, &[])
            }
            ClientError::NoBackup => {
                Self::of(REFUSED, Text::ErrNoBackup, &[]).todo(Text::DoNewIdentity, &[])
            }
            ClientError::NotAContact(_) => {
                Self::of(REFUSED, Text::ErrNotAContact, &[]).todo(Text::DoAddContact, &[])
            }
            ClientError::NoDevices(uid) => Self::of(OTHER, Text::ErrNoDevices, &[&uid]),
            ClientError::NoIdentity(uid) => Self::of(OTHER, Text::ErrNoIdentity, &[&uid]),
            ClientError::OtherAccount(uid) => {
                Self::of(CONFIG, Text::ErrOtherAccount, &[&uid]).todo(Text::DoOtherProfile, &[])
            }
            ClientError::SignedOut => {
                Self::of(REFUSED, Text::ErrSignedOut, &[]).todo(Text::DoLogin, &[])
            }
            ClientError::Envelope(
                EnvelopeError::TooLarge | EnvelopeError::Padding(PaddingError::TooLong),
            )
            | ClientError::Legacy(LegacyError::TooLarge) => Self::of(USAGE, Text::ErrTooLong, &[]),
            other => Self::new(OTHER, other.to_string()),
        }
    }
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Refused { .. } => Self::new(REFUSED, ended.to_string()).todo(Text::DoLogin, &[]),
            Ended::Failed(error) => error.into(),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused {
                code: ErrorCode::NotAContact,
                ..
            } => Self::of(REFUSED, Text::ErrNotAContact, &[]).todo(Text::DoAddContact, &[]),
            SendError::Refused { detail, .. } => Self::new(REFUSED, detail),
            SendError::Seal(error) => error.into(),
        }
    }
}

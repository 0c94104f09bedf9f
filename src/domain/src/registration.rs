//! Who may register.

use std::fmt;
use std::str::FromStr;

/// Who may register here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Anybody.
    #[default]
    Open,
    /// Who holds the phone: a code is sent to it.
    Verified,
    /// Who was given an invite.
    Invite,
    /// Nobody.
    Closed,
}

/// Not one of the modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of open, verified, invite, closed")]
pub struct UnknownRegistrationMode;

impl RegistrationMode {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Open, Self::Verified, Self::Invite, Self::Closed];

    /// The name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Verified => "verified",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for RegistrationMode {
    type Err = UnknownRegistrationMode;
    fn from_str(s: &str) -> Result<Self, UnknownRegistrationMode> {
        let found = Self::ALL.iter().find(|mode| mode.as_str() == s);
        found.copied().ok_or(UnknownRegistrationMode)
    }
}

impl fmt::Display for RegistrationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

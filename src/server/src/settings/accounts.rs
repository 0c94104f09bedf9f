//! Who may register, and with what password.

use melo_domain::{PasswordPolicy, RegistrationMode};

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Accounts",
    specs: &[REGISTRATION, PASSWORD_MIN_LENGTH, PASSWORD_MIN_CLASSES],
};

pub(super) const REGISTRATION: Spec = Spec {
    name: "REGISTRATION",
    default: Some("open"),
    example: "invite",
    secret: false,
    help: "open: anybody may register. verified: a code is sent to the phone first (needs SMS_PROVIDER).
           invite: an admin's invite is needed. closed: nobody.",
};
const PASSWORD_MIN_LENGTH: Spec = Spec {
    name: "PASSWORD_MIN_LENGTH",
    default: Some("12"),
    example: "12",
    secret: false,
    help: "Characters that a new password must have. Easy ones, and ones with the person's phone or names in them, are refused whatever their length.",
};
const PASSWORD_MIN_CLASSES: Spec = Spec {
    name: "PASSWORD_MIN_CLASSES",
    default: Some("1"),
    example: "3",
    secret: false,
    help: "How many of lower case, upper case, digits and other characters a new password must have. Length protects better.",
};

/// Accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// Who may register.
    pub registration: RegistrationMode,
    /// What a new password must be.
    pub passwords: PasswordPolicy,
}

impl Accounts {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let registration = reader.value(&REGISTRATION, |text| {
            let mode = text.to_ascii_lowercase().parse();
            mode.map_err(|error: melo_domain::UnknownRegistrationMode| error.to_string())
        });
        let length = reader.value(&PASSWORD_MIN_LENGTH, parse::number(8, 128));
        let classes = reader.value(&PASSWORD_MIN_CLASSES, parse::number(1, 4));
        Some(Self {
            registration: registration?,
            passwords: PasswordPolicy {
                min_length: length? as usize,
                min_classes: classes? as usize,
            },
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            registration: RegistrationMode::default(),
            passwords: PasswordPolicy::default(),
        }
    }
}

//! Those who administer this server over its API.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Administration",
    specs: &[ADMIN_REAUTH_MINUTES, REQUIRE_ADMIN_2FA],
};

const ADMIN_REAUTH_MINUTES: Spec = Spec {
    name: "ADMIN_REAUTH_MINUTES",
    default: Some("15"),
    example: "15",
    secret: false,
    help: "How long after showing their password somebody may use the admin API, in minutes. Personal access tokens are not asked.",
};
const REQUIRE_ADMIN_2FA: Spec = Spec {
    name: "REQUIRE_ADMIN_2FA",
    default: Some("false"),
    example: "true",
    secret: false,
    help: "Whether moderators, admins and owners must have set up a second factor before they can use the admin API.",
};

/// Who may administer, beyond their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// How long a shown password counts.
    pub reauthentication: Duration,
    /// Whether a second factor is needed.
    pub second_factor: bool,
}

impl Admin {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let reauthentication = reader.value(&ADMIN_REAUTH_MINUTES, parse::minutes(1, 1440));
        let second_factor = reader.value(&REQUIRE_ADMIN_2FA, parse::flag);
        Some(Self {
            reauthentication: reauthentication?,
            second_factor: second_factor?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            reauthentication: Duration::from_mins(15),
            second_factor: false,
        }
    }
}

//! Turns raw fields into domain types and collects every refusal, so that a client learns all of them at once.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Secret;
use melo_protocol::FieldError;
use melo_protocol::rest::access::PasswordRequest;
use melo_services::access::Credentials;
use melo_services::{Core, credentials};

use crate::error::ApiError;

/// Longest password, code or token that is looked at, in bytes.
pub(crate) const MAX_CREDENTIAL: usize = 1024;

/// Collects refusals.
#[derive(Default)]
pub(crate) struct Check {
    errors: Vec<FieldError>,
}

impl Check {
    /// Notes a refusal.
    pub(crate) fn refuse(&mut self, field: &str, detail: impl Display) {
        self.errors.push(FieldError::invalid(field, detail));
    }

    /// Parses a field; `None` when it was refused.
    pub(crate) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.take(field, text.parse())
    }

    /// Takes a parsed field, or notes why not.
    pub(crate) fn take<T, E: Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.refuse(field, error)).ok()
    }

    /// A new password, as far as can be said without knowing whose it is.
    pub(crate) fn new_password(&mut self, core: &Core, field: &str, password: &Secret) {
        self.take(field, credentials::check_form(core, password));
    }

    /// A password, code or token that is only looked at when it is not too long.
    pub(crate) fn credential(&mut self, field: &str, secret: &Secret) {
        match secret.expose().len() {
            0 => self.refuse(field, "must be given"),
            1..=MAX_CREDENTIAL => {}
            _ => self.refuse(field, "is too long"),
        }
    }

    /// Decodes base64url without padding (RFC 4648, section 5).
    pub(crate) fn base64(&mut self, field: &str, text: &str) -> Option<Vec<u8>> {
        let decoded = URL_SAFE_NO_PAD.decode(text);
        self.take(
            field,
            decoded.map_err(|_| "must be base64url without padding"),
        )
    }

    /// Ends the check.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.errors))
        }
    }
}

/// Password and second factor of somebody who is signed in.
pub(crate) fn credentials(body: PasswordRequest) -> Result<Credentials, ApiError> {
    let mut check = Check::default();
    check.credential("password", &body.password);
    if let Some(code) = &body.code {
        check.credential("code", code);
    }
    check.finish()?;
    Ok(Credentials {
        password: body.password,
        code: body.code,
    })
}

/// What [`Check::finish`] has let through is there.
pub(crate) fn checked<T>(value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(Vec::new()))
}

//! Mail addresses.

use std::fmt;
use std::str::FromStr;

/// A mail address as RFC 5321, section 4.1.2 allows it, without the forms that nobody has: no quoted local
/// part, no address literal; 254 bytes at most. Personal: never logged, `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Not a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a mail address, like anna@example.org")]
pub struct InvalidEmail;

impl Email {
    /// The address; the part after the `@` in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that look-ups go by: hardly any server tells `Anna@` from `anna@`.
    pub fn normalized(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(s: &str) -> Result<Self, InvalidEmail> {
        let s = s.trim();
        if s.len() > 254 {
            return Err(InvalidEmail);
        }
        let (local, domain) = s.rsplit_once('@').ok_or(InvalidEmail)?;
        if is_local(local) && is_domain(domain) {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(InvalidEmail)
        }
    }
}

/// A dot-string (RFC 5321, section 4.1.2; RFC 6531 allows letters beyond ASCII in one).
fn is_local(local: &str) -> bool {
    let atom = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    local.len() <= 64 && local.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in [
            "anna@example.org",
            "a.b+c@mail.example.co.uk",
            "анна@example.org",
            "a@xn--80akhbyknj4f.example",
        ] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        let long = format!("{}@example.org", "x".repeat(65));
        for bad in [
            "",
            "anna",
            "@example.org",
            "anna@",
            "anna@localhost",
            "a..b@example.org",
            ".a@example.org",
            "a b@example.org",
            "a@-example.org",
            "a@example..org",
            "a@b@example.org",
            "a@example.org\r\nRCPT TO:<b@example.org>",
            "a@[127.0.0.1]",
            "\"a\"@example.org",
            &long,
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }

    #[test]
    fn one_address_has_one_normal_form() {
        let email: Result<Email, _> = " Anna.K@Example.ORG ".parse();
        let email = email.unwrap();
        assert_eq!(email.as_str(), "Anna.K@example.org");
        assert_eq!(email.normalized(), "anna.k@example.org");
        assert_eq!(format!("{email:?}"), "Email([REDACTED])");
    }
}

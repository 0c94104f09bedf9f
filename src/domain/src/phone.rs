//! Phone numbers in E.164 form.

use std::fmt;
use std::str::FromStr;

/// A phone number as ITU-T E.164 writes it: `+`, then 8 to 15 digits, the first not zero.
/// Personal: never logged, `Debug` is redacted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a phone number in international form, like +79991234567")]
pub struct InvalidPhone;

impl Phone {
    /// The number as E.164, `+79991234567`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = InvalidPhone;

    /// Accepts spaces, dashes, dots and brackets between digits; a national `8` in front of ten digits is `+7`.
    fn from_str(s: &str) -> Result<Self, InvalidPhone> {
        if s.len() > 40 {
            return Err(InvalidPhone);
        }
        let bare: String = s
            .trim()
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.'))
            .collect();
        let digits = match bare.strip_prefix('+') {
            Some(rest) => rest.to_owned(),
            None => match bare.strip_prefix('8') {
                Some(rest) if rest.len() == 10 => format!("7{rest}"),
                _ => bare,
            },
        };
        let well_formed = (8..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            Ok(Self(format!("+{digits}")))
        } else {
            Err(InvalidPhone)
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_number_are_one_number() {
        for form in [
            "+79991234567",
            "89991234567",
            "8 (999) 123-45-67",
            "79991234567",
            " +7 999 123 45 67 ",
        ] {
            assert_eq!(
                form.parse::<Phone>().map(|p| p.as_str().to_owned()),
                Ok("+79991234567".to_owned()),
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in [
            "",
            "+",
            "12345",
            "+0123456789",
            "+1234567890123456",
            "call me",
            "+7999x234567",
            "++79991234567",
        ] {
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
        assert!("1".repeat(1000).parse::<Phone>().is_err());
    }

    #[test]
    fn debug_does_not_show_it() {
        let phone: Result<Phone, _> = "+79991234567".parse();
        assert!(!format!("{phone:?}").contains("999"));
    }
}

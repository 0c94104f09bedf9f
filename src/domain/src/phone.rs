//! Phone numbers in E.164 form.

use std::fmt;
use std::str::FromStr;

use phonenumber::metadata::{DATABASE, Descriptor, Descriptors};

/// A phone number as ITU-T E.164 writes it: `+`, then a country code that is in use and as many digits as
/// numbers of that country have, 15 in all at most. Whether it is assigned to anybody is not looked at: numbering
/// plans change faster than servers are brought up to date. Personal: never logged, `Debug` is redacted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a phone number in international form, like +79991234567")]
pub struct InvalidPhone;

impl Phone {
    /// Of the server's own echo contact: a number that no telephone has, as the country code 999 is kept for what does not
    /// exist yet (E.164). Nobody can register it, because it is not accepted from outside.
    pub fn of_echo() -> Self {
        Self("+99932460000".to_owned())
    }

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
        let well_formed =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if well_formed && is_possible(&digits) {
            Ok(Self(format!("+{digits}")))
        } else {
            Err(InvalidPhone)
        }
    }
}

/// Whether some country has numbers that begin and are as long as this one. No code is the beginning of another
/// (E.164, section 6.1), so the first that is in use is the one.
fn is_possible(digits: &str) -> bool {
    let countries = (1..=3).find_map(|length| {
        let code: u16 = digits
            .get(..length)?
            .parse()
            .ok()
            .filter(|code| *code > 0)?;
        Some((length, DATABASE.by_code(&code)?))
    });
    countries.is_some_and(|(length, countries)| {
        let national = digits.len() - length;
        countries
            .iter()
            .any(|country| has_length(country.descriptors(), national))
    })
}

/// Whether numbers of some kind have that many digits there.
fn has_length(kinds: &Descriptors, digits: usize) -> bool {
    [
        kinds.mobile(),
        kinds.fixed_line(),
        kinds.voip(),
        kinds.personal_number(),
        kinds.uan(),
    ]
    .into_iter()
    .flatten()
    .flat_map(Descriptor::possible_length)
    .any(|length| usize::from(*length) == digits)
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
            "+7999123456",
            "+799912345678",
            "+99912345678901",
            "+1555123456",
        ] {
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
        let echo = Phone::of_echo();
        assert!(echo.as_str().parse::<Phone>().is_err());
        assert!("1".repeat(1000).parse::<Phone>().is_err());
    }

    #[test]
    fn numbers_of_many_countries_are_numbers() {
        for good in [
            "+79000000000",
            "+77011234567",
            "+14155550123",
            "+442071838750",
            "+4915123456789",
            "+390612345678",
            "+6421123456",
            "+29047123",
            "+870123456789012",
        ] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
    }

    #[test]
    fn debug_does_not_show_it() {
        let phone: Result<Phone, _> = "+79991234567".parse();
        assert!(!format!("{phone:?}").contains("999"));
    }
}

//! What a password must be.

use zxcvbn::Score;

use crate::Phone;

/// The longest password, in bytes: hashing must not be fed megabytes.
const LONGEST: usize = 1024;
/// How much of a password is tried to be guessed, in characters: what is beyond only makes it better, and the
/// work grows faster than the length.
const JUDGED: usize = 64;
/// The shortest piece of a name that a password must not contain, in characters: a shorter one is in many words.
const SHORTEST_PIECE: usize = 3;

/// The rules of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// In characters.
    pub min_length: usize,
    /// How many of lower case, upper case, digits and everything else.
    pub min_classes: usize,
}

impl Default for PasswordPolicy {
    /// Length rather than rules (NIST SP 800-63B, section 5.1.1).
    fn default() -> Self {
        Self {
            min_length: 12,
            min_classes: 1,
        }
    }
}

/// What others know of a person, and try first.
#[derive(Debug, Clone, Copy)]
pub struct PasswordOwner<'a> {
    /// E.164.
    pub phone: &'a str,
    /// As entered.
    pub name: &'a str,
    /// As entered.
    pub nickname: &'a str,
    /// As entered.
    pub username: Option<&'a str>,
}

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// The number is the least.
    #[error("must be at least {0} characters long")]
    TooShort(usize),
    /// Beyond what is hashed.
    #[error("must be at most 1024 bytes long")]
    TooLong,
    /// The number is the least.
    #[error("must have {0} of: lower case, upper case, digits, other characters")]
    TooPlain(usize),
    /// Among the first that anybody tries.
    #[error("is too easy to guess; take a few unrelated words")]
    Guessable,
    /// Contains what others know.
    #[error("must not contain your phone number, name, nickname or username")]
    Personal,
    /// The one that is to be replaced.
    #[error("must be another one than the current password")]
    Unchanged,
}

impl PasswordPolicy {
    /// What can be said without knowing whose it is.
    pub fn check_form(&self, password: &str) -> Result<(), UnfitPassword> {
        if password.len() > LONGEST {
            return Err(UnfitPassword::TooLong);
        }
        if password.chars().count() < self.min_length {
            return Err(UnfitPassword::TooShort(self.min_length));
        }
        if classes(password) < self.min_classes {
            return Err(UnfitPassword::TooPlain(self.min_classes));
        }
        Ok(())
    }

    /// All rules. Takes about a millisecond.
    pub fn check(&self, password: &str, owner: &PasswordOwner<'_>) -> Result<(), UnfitPassword> {
        self.check_form(password)?;
        if contains_owner(password, owner) {
            return Err(UnfitPassword::Personal);
        }
        let judged: String = password.chars().take(JUDGED).collect();
        let known = [owner.name, owner.nickname, owner.username.unwrap_or("")];
        if zxcvbn::zxcvbn(&judged, &known).score() < Score::Two {
            return Err(UnfitPassword::Guessable);
        }
        Ok(())
    }
}

fn classes(password: &str) -> usize {
    let kinds: [fn(char) -> bool; 4] = [
        char::is_lowercase,
        char::is_uppercase,
        char::is_numeric,
        |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric(),
    ];
    kinds
        .iter()
        .filter(|kind| password.chars().any(kind))
        .count()
}

fn contains_owner(password: &str, owner: &PasswordOwner<'_>) -> bool {
    let folded = password.to_lowercase();
    let digits: String = password.chars().filter(char::is_ascii_digit).collect();
    let phone: String = owner.phone.chars().filter(char::is_ascii_digit).collect();
    // Without the country code as well, as most people write it.
    let national = phone.get(phone.len().saturating_sub(9)..).unwrap_or(&phone);
    if !national.is_empty() && digits.contains(national) {
        return true;
    }
    [owner.name, owner.nickname, owner.username.unwrap_or("")]
        .iter()
        .flat_map(|name| name.split([' ', '-', '_']).chain([*name]))
        .filter(|piece| piece.chars().count() >= SHORTEST_PIECE)
        .any(|piece| folded.contains(&piece.to_lowercase()))
}

impl<'a> PasswordOwner<'a> {
    /// Somebody who registers.
    pub fn new(phone: &'a Phone, name: &'a str, nickname: &'a str) -> Self {
        Self {
            phone: phone.as_str(),
            name,
            nickname,
            username: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: PasswordOwner<'_> = PasswordOwner {
        phone: "+79991234567",
        name: "Anna-Maria K",
        nickname: "Мышка",
        username: Some("anna_k"),
    };

    fn check(password: &str) -> Result<(), UnfitPassword> {
        PasswordPolicy::default().check(password, &ANNA)
    }

    #[test]
    fn good_ones_are_good() {
        for good in [
            "seven green lanterns",
            "correct horse battery",
            "зелёный фонарь у реки",
            "xK9#mQ2$vL5!",
            &"long enough for anybody ".repeat(40),
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn bad_ones_say_why() {
        for (bad, why) in [
            ("", UnfitPassword::TooShort(12)),
            ("11 chars ok", UnfitPassword::TooShort(12)),
            ("ёёёёёёёёёёё", UnfitPassword::TooShort(12)),
            ("password1234", UnfitPassword::Guessable),
            ("qwertyuiop123", UnfitPassword::Guessable),
            ("aaaaaaaaaaaaaaaaaaaa", UnfitPassword::Guessable),
            ("123456789012345", UnfitPassword::Guessable),
            ("seven Lanterns anna", UnfitPassword::Personal),
            ("green MARIA lantern", UnfitPassword::Personal),
            ("мышка под фонарём", UnfitPassword::Personal),
            ("call 999 123-45-67 now", UnfitPassword::Personal),
            ("lantern+79991234567", UnfitPassword::Personal),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
        assert_eq!(check(&"x".repeat(1025)), Err(UnfitPassword::TooLong));
    }

    #[test]
    fn classes_are_counted_when_the_operator_wants_them() {
        let strict = PasswordPolicy {
            min_length: 8,
            min_classes: 3,
        };
        let check = |password| strict.check(password, &ANNA);
        assert_eq!(check("lantern-green"), Err(UnfitPassword::TooPlain(3)));
        assert_eq!(check("Lantern-green"), Ok(()));
        assert_eq!(check("Фонарь7зелёный"), Ok(()));
    }
}

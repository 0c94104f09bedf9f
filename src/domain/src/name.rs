//! What people call themselves.

use std::fmt;
use std::str::FromStr;

/// A name that breaks its rule; the text says which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(&'static str);

macro_rules! personal_text {
    ($(#[$doc:meta])* $name:ident, $rule:expr, $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text as entered, trimmed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(s: &str) -> Result<Self, InvalidName> {
                let s = s.trim();
                let rule: fn(&str) -> bool = $rule;
                if rule(s) { Ok(Self(s.to_owned())) } else { Err(InvalidName($text)) }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([REDACTED])"))
            }
        }
    };
}

fn chars_within(s: &str, min: usize, max: usize) -> bool {
    // A character takes at most four bytes: an over-long text is refused before it is counted.
    s.len() <= max * 4 && (min..=max).contains(&s.chars().count())
}

personal_text!(
    /// A name or nickname: 1 to 50 letters of any script, digits, spaces, `-`, `_`. Personal.
    DisplayName,
    |s| chars_within(s, 1, 50) && s.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')),
    "must be 1 to 50 letters, digits, spaces, - or _"
);
personal_text!(
    /// A username: 3 to 32 latin letters, digits and `_`, starting with a letter. Personal.
    Username,
    |s| chars_within(s, 3, 32)
        && s.starts_with(|c: char| c.is_ascii_alphabetic())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
    "must be 3 to 32 latin letters, digits or _, starting with a letter"
);
personal_text!(
    /// A few words about oneself: up to 500 characters, no control characters but line breaks. Personal.
    Bio,
    |s| chars_within(s, 0, 500) && s.chars().all(|c| c == '\n' || !c.is_control()),
    "must be at most 500 characters"
);

personal_text!(
    /// The title of a group or channel: 2 to 128 characters, no control characters. Personal.
    ChatTitle,
    |s| chars_within(s, 2, 128) && !s.chars().any(char::is_control),
    "must be 2 to 128 characters"
);
personal_text!(
    /// What a group or channel is about: up to 1,000 characters, no control characters but line breaks. Personal.
    ChatDescription,
    |s| chars_within(s, 0, 1000) && s.chars().all(|c| c == '\n' || !c.is_control()),
    "must be at most 1000 characters"
);

impl Username {
    /// The form that uniqueness and look-ups go by: `Anna_K` and `anna_k` are one name.
    pub fn normalized(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names() {
        for good in ["Anna", "Анна-Мария", "李", "a_b c-9", "  padded  "] {
            assert!(good.parse::<DisplayName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "   ",
            "<script>",
            "a\nb",
            "emoji 😀",
            &"x".repeat(51),
            &"x".repeat(100_000),
        ] {
            assert!(bad.parse::<DisplayName>().is_err());
        }
    }

    #[test]
    fn usernames_compare_without_case() {
        let name: Result<Username, _> = "Anna_K".parse();
        assert_eq!(name.map(|n| n.normalized()), Ok("anna_k".to_owned()));
        for bad in ["ab", "9lives", "with space", "имя"] {
            assert!(bad.parse::<Username>().is_err(), "{bad}");
        }
    }
}

//! The languages that the server writes to people in.

/// A language of messages and mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English, for everybody who does not ask for another one.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// The one of ours that an `Accept-Language` header (RFC 9110, section 12.5.4) likes best.
    pub fn from_accept(header: &str) -> Self {
        let mut best = (0_u16, Self::default());
        for entry in header.split(',').take(16) {
            let mut parts = entry.split(';');
            let tag = parts.next().unwrap_or("").trim();
            let language = match tag.split('-').next().unwrap_or("") {
                t if t.eq_ignore_ascii_case("ru") => Self::Russian,
                t if t.eq_ignore_ascii_case("en") => Self::English,
                _ => continue,
            };
            let quality = parts.find_map(|p| p.trim().strip_prefix("q=").map(thousandths));
            let quality = quality.unwrap_or(1000);
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }
}

/// `0.8` is 800. What is no quality counts as none.
fn thousandths(text: &str) -> u16 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = format!("{rest:0<3}").chars().take(3).collect();
    match (whole, digits.parse()) {
        ("1", _) => 1000,
        ("0", Ok(quality)) => quality,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_of_ours_is_taken() {
        for (header, language) in [
            ("", Language::English),
            ("ru", Language::Russian),
            ("ru-RU,ru;q=0.9,en-US;q=0.8", Language::Russian),
            ("en-US,en;q=0.9,ru;q=0.8", Language::English),
            ("de, ru;q=0.4, en;q=0.7", Language::English),
            ("de, RU;q=0.45, en;q=0.4", Language::Russian),
            ("ru;q=0, fr", Language::English),
            ("ru;q=x", Language::English),
            ("de-DE", Language::English),
        ] {
            assert_eq!(Language::from_accept(header), language, "{header}");
        }
    }
}

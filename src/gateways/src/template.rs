//! The JSON body that a provider of text messages wants.

use serde_json::Value;

use crate::TextMessage;

/// A JSON document whose strings may hold `{phone}`, `{text}` and `{id}`. The document is parsed before
/// anything is put into it, so that no text can break out of its string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyTemplate(Value);

/// Not such a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Not JSON.
    #[error("must be JSON, with {{phone}}, {{text}} and {{id}} within its strings")]
    NotJson,
    /// The message would not arrive.
    #[error("must have {{phone}} and {{text}} within its strings")]
    Incomplete,
}

impl std::str::FromStr for BodyTemplate {
    type Err = InvalidTemplate;
    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let document: Value = serde_json::from_str(text).map_err(|_| InvalidTemplate::NotJson)?;
        let mut found = Vec::new();
        strings(&document, &mut found);
        let has = |name: &str| found.iter().any(|text| text.contains(name));
        if has("{phone}") && has("{text}") {
            Ok(Self(document))
        } else {
            Err(InvalidTemplate::Incomplete)
        }
    }
}

fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

impl BodyTemplate {
    /// The body for one message.
    pub fn fill(&self, message: &TextMessage) -> Vec<u8> {
        let mut document = self.0.clone();
        fill(&mut document, message);
        document.to_string().into_bytes()
    }
}

fn fill(value: &mut Value, message: &TextMessage) {
    match value {
        Value::String(text) => *text = filled(text, message),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, message)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| fill(member, message)),
        _ => {}
    }
}

/// In one pass: a placeholder within what is put in stays as it is.
fn filled(template: &str, message: &TextMessage) -> String {
    let mut out = String::with_capacity(template.len() + message.text.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let known = [
            ("{phone}", &message.phone),
            ("{text}", &message.text),
            ("{id}", &message.id),
        ];
        if let Some((name, value)) = known.iter().find(|(name, _)| from.starts_with(name)) {
            out.push_str(value);
            rest = &from[name.len()..];
        } else {
            out.push('{');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_within_their_strings() {
        let template: BodyTemplate =
            r#"{"to": ["{phone}"], "m": {"body": "-> {text} {x}", "ref": "{id}"}, "n": 1}"#
                .parse()
                .unwrap();
        let message = TextMessage {
            id: "00ff".to_owned(),
            phone: "+79991234567".to_owned(),
            text: "a\", \"to\": \"+1\n{id} код".to_owned(),
        };
        let body: Value = serde_json::from_slice(&template.fill(&message)).unwrap();
        let expected = serde_json::json!({
            "to": ["+79991234567"],
            "m": {"body": "-> a\", \"to\": \"+1\n{id} код {x}", "ref": "00ff"},
            "n": 1,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_would_not_carry_the_message_is_refused() {
        let parse = |text: &str| text.parse::<BodyTemplate>().err();
        assert_eq!(parse("to={phone}"), Some(InvalidTemplate::NotJson));
        assert_eq!(
            parse(r#"{"{phone}": "{text}"}"#),
            Some(InvalidTemplate::Incomplete)
        );
        assert_eq!(parse(r#"["{phone}{text}"]"#), None);
    }
}

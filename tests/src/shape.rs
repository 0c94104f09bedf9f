//! Which members an answer or a frame has, and of what type.

use serde_json::Value;

/// Checks that `value` is an object with the members of `spec`: names with kinds, `unique_id:uid seq:number`,
/// separated by spaces. Further members are allowed, as the contract allows them.
///
/// Kinds: `text`, `bool`, `number`, `list`, `object`, `uid` (eight digits), `hex16`, `kid` (32 hex digits),
/// `log` (a number in a string), `uuid`, `time` (RFC 3339, UTC), `pem`, `null`, and `any`. A `?` behind a kind
/// allows `null` too.
#[track_caller]
pub fn assert_shape(value: &Value, spec: &str) {
    assert!(value.is_object(), "not an object: {value}");
    for member in spec.split_whitespace() {
        let (name, kind) = member.split_once(':').expect("name:kind");
        let found = value
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing in {value}"));
        let (kind, nullable) = match kind.strip_suffix('?') {
            Some(kind) => (kind, true),
            None => (kind, false),
        };
        assert!(
            is(kind, found) || (nullable && found.is_null()),
            "{name} is not {kind}: {found}"
        );
    }
}

fn is(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    let digits = |length: Option<usize>, radix| {
        text.is_some_and(|t| {
            length.is_none_or(|l| t.len() == l)
                && !t.is_empty()
                && t.chars().all(|c| c.is_digit(radix) && !c.is_uppercase())
        })
    };
    match kind {
        "any" => true,
        "null" => value.is_null(),
        "text" => text.is_some_and(|t| !t.is_empty()),
        "bool" => value.is_boolean(),
        "number" => value.is_u64(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "uid" => digits(Some(8), 10),
        "hex16" => digits(Some(16), 16),
        "kid" => digits(Some(32), 16),
        "log" => digits(None, 10),
        "uuid" => text.is_some_and(|t| uuid::Uuid::try_parse(t).is_ok()),
        "time" => text.is_some_and(|t| {
            t.len() == 24
                && t.ends_with('Z')
                && t.get(10..11) == Some("T")
                && t.get(19..20) == Some(".")
        }),
        "pem" => text.is_some_and(|t| t.starts_with("-----BEGIN PUBLIC KEY-----")),
        other => panic!("no such kind: {other}"),
    }
}

/// Members that have to be there.
pub trait Fields {
    /// A text member.
    fn text(&self, name: &str) -> String;
    /// A number.
    fn number(&self, name: &str) -> u64;
    /// A list.
    fn list(&self, name: &str) -> &Vec<Value>;
}

impl Fields for Value {
    #[track_caller]
    fn text(&self, name: &str) -> String {
        let found = self.get(name).and_then(Value::as_str);
        found
            .unwrap_or_else(|| panic!("no text {name} in {self}"))
            .to_owned()
    }

    #[track_caller]
    fn number(&self, name: &str) -> u64 {
        let found = self.get(name).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no number {name} in {self}"))
    }

    #[track_caller]
    fn list(&self, name: &str) -> &Vec<Value> {
        let found = self.get(name).and_then(Value::as_array);
        found.unwrap_or_else(|| panic!("no list {name} in {self}"))
    }
}

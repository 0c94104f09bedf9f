//! The server's view of an end-to-end envelope: opaque beyond `v`, `suite`, `id` and the names in `keys`.
//! It needs the names to hand each device only its own entry, and to see that no device was forgotten.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The most recipient devices one envelope may name.
pub const MAX_ENVELOPE_KEYS: usize = 512;

/// Why a payload that says it is an envelope is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not an object with `v`, `suite`, `id` and `keys` (or `key_ref`).
    #[error("the envelope must have v, suite, id and either keys or key_ref")]
    Shape,
    /// A version other than 1.
    #[error("envelope version is not supported; this server reads v 1")]
    Version,
    /// A key name that is not 32 lower-case hex digits, or one that stands twice.
    #[error("names in keys must be distinct and of 32 lower-case hex digits")]
    KeyName,
    /// More recipients than [`MAX_ENVELOPE_KEYS`].
    #[error("the envelope names too many devices; at most 512")]
    TooManyKeys,
}

/// A parsed view into an envelope's text. Borrowed: nothing of the ciphertext is copied.
#[derive(Debug)]
pub struct Envelope<'a> {
    members: Vec<(&'a str, &'a RawValue)>,
    keys: Vec<(&'a str, &'a RawValue)>,
}

struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(&'de str, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with plain member names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(entry) = map.next_entry::<&'de str, &'de RawValue>()? {
                    if members.len() > MAX_ENVELOPE_KEYS {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.push(entry);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

impl<'a> Envelope<'a> {
    /// Reads `payload` as an envelope. `None` when it does not claim to be one: anything but an object
    /// with a member `v` and a member `suite` is an opaque payload of an existing client.
    pub fn parse(payload: &'a RawValue) -> Option<Result<Self, EnvelopeError>> {
        if !payload.get().starts_with('{') {
            return None;
        }
        let Members(members) = serde_json::from_str(payload.get()).ok()?;
        let find = |name: &str| members.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let (version, _suite) = (find("v")?, find("suite")?);
        Some(
            Self::read(version, find("id"), find("keys"), find("key_ref"))
                .map(|keys| Self { members, keys }),
        )
    }

    fn read(
        version: &RawValue,
        id: Option<&RawValue>,
        keys: Option<&'a RawValue>,
        key_ref: Option<&RawValue>,
    ) -> Result<Vec<(&'a str, &'a RawValue)>, EnvelopeError> {
        if version.get() != "1" {
            return Err(EnvelopeError::Version);
        }
        if !id.is_some_and(|id| id.get().starts_with('"')) {
            return Err(EnvelopeError::Shape);
        }
        let Some(keys) = keys else {
            return if key_ref.is_some() {
                Ok(Vec::new())
            } else {
                Err(EnvelopeError::Shape)
            };
        };
        let Members(keys) = serde_json::from_str(keys.get()).map_err(|_| EnvelopeError::Shape)?;
        if keys.len() > MAX_ENVELOPE_KEYS {
            return Err(EnvelopeError::TooManyKeys);
        }
        let is_kid = |name: &str| {
            name.len() == 32
                && name
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let mut names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let distinct = names.windows(2).all(|pair| pair.first() != pair.last());
        if !distinct || !names.iter().all(|name| is_kid(name)) {
            return Err(EnvelopeError::KeyName);
        }
        Ok(keys)
    }

    /// The key ids of the devices this envelope is for.
    pub fn kids(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.keys.iter().map(|(kid, _)| *kid)
    }

    /// The name of the key that it is sealed under, or that it carries: 32 bytes in base64url without padding.
    pub fn key_ref(&self) -> Option<[u8; 32]> {
        let (_, raw) = self.members.iter().find(|(name, _)| *name == "key_ref")?;
        let text: &str = serde_json::from_str(raw.get()).ok()?;
        let mut bytes = [0_u8; 32];
        let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (read == bytes.len()).then_some(bytes)
    }

    /// The envelope's text as the device with key `kid` may see it: every member as it was sent, and of
    /// `keys` its own entry alone (none for a device the envelope is not for).
    pub fn for_device(&self, kid: Option<&str>) -> String {
        let length: usize = self
            .members
            .iter()
            .map(|(n, v)| n.len() + v.get().len() + 4)
            .sum();
        let mut text = String::with_capacity(length + 2);
        text.push('{');
        for (i, (name, value)) in self.members.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            text.push('"');
            text.push_str(name);
            text.push_str("\":");
            if *name == "keys" {
                text.push('{');
                let own = self.keys.iter().find(|(k, _)| Some(*k) == kid);
                if let Some((kid, wrapped)) = own {
                    text.push('"');
                    text.push_str(kid);
                    text.push_str("\":");
                    text.push_str(wrapped.get());
                }
                text.push('}');
            } else {
                text.push_str(value.get());
            }
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn each_device_sees_only_its_own_key() {
        let payload = raw(&format!(
            r#"{{"v":1,"suite":1,"id":"x","keys":{{"{A}":"ka","{B}":"kb"}},"ciphertext":"zz"}}"#
        ));
        let envelope = Envelope::parse(&payload).unwrap().unwrap();
        assert_eq!(envelope.kids().collect::<Vec<_>>(), [A, B]);
        assert_eq!(
            envelope.for_device(Some(B)),
            format!(r#"{{"v":1,"suite":1,"id":"x","keys":{{"{B}":"kb"}},"ciphertext":"zz"}}"#)
        );
        assert!(envelope.for_device(None).contains(r#""keys":{}"#));
    }

    #[test]
    fn what_does_not_claim_to_be_an_envelope_is_opaque() {
        for opaque in [
            r#""text""#,
            "42",
            "[1]",
            "{}",
            r#"{"ciphertext":"a","iv":"b"}"#,
            r#"{"v":1}"#,
        ] {
            assert!(Envelope::parse(&raw(opaque)).is_none(), "{opaque}");
        }
    }

    #[test]
    fn broken_envelopes_are_refused_with_the_reason() {
        let twice = format!(r#"{{"v":1,"suite":1,"id":"x","keys":{{"{A}":"1","{A}":"2"}}}}"#);
        for (text, error) in [
            (
                r#"{"v":2,"suite":1,"id":"x","keys":{}}"#,
                EnvelopeError::Version,
            ),
            (r#"{"v":1,"suite":1,"keys":{}}"#, EnvelopeError::Shape),
            (
                r#"{"v":1,"suite":1,"id":7,"keys":{}}"#,
                EnvelopeError::Shape,
            ),
            (r#"{"v":1,"suite":1,"id":"x"}"#, EnvelopeError::Shape),
            (
                r#"{"v":1,"suite":1,"id":"x","keys":[]}"#,
                EnvelopeError::Shape,
            ),
            (
                r#"{"v":1,"suite":1,"id":"x","keys":{"zz":"1"}}"#,
                EnvelopeError::KeyName,
            ),
            (&twice, EnvelopeError::KeyName),
        ] {
            assert_eq!(
                Envelope::parse(&raw(text)).unwrap().unwrap_err(),
                error,
                "{text}"
            );
        }
    }
}

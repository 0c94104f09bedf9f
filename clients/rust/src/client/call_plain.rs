//! What existing clients say in calls: descriptions and ways in plain, in the forms that browsers' objects take as JSON.

use serde_json::{Value, json};

use super::call::Plain;
use crate::crypto::call::Said;
use crate::socket::CallSaid;

/// What is said in plain, if this is how such a frame looks.
pub(super) fn read(said: &CallSaid) -> Option<Plain> {
    let plain = match said.kind.as_str() {
        "offer" | "answer" => {
            let described = said.sdp.as_ref()?;
            let (sdp, object) = match described {
                Value::String(text) => (text.clone(), false),
                other => (other.get("sdp")?.as_str()?.to_owned(), true),
            };
            let said = match said.kind.as_str() {
                "offer" => Said::Offer { sdp },
                _ => Said::Answer { sdp },
            };
            Plain { said, object }
        }
        "candidate" | "ice_candidate" => {
            let candidate = match said.candidate.as_ref()? {
                Value::String(text) => json!({"candidate": text, "sdpMLineIndex": 0}),
                object @ Value::Object(_) => object.clone(),
                _ => return None,
            };
            Plain {
                said: Said::Candidate {
                    candidate: candidate.to_string(),
                },
                object: true,
            }
        }
        _ => return None,
    };
    plain.said.fits().then_some(plain)
}

/// The member of a frame that says it.
pub(super) fn member(plain: &Plain) -> Option<(&'static str, Value)> {
    match &plain.said {
        Said::Offer { sdp } | Said::Answer { sdp } if !plain.object => Some(("sdp", json!(sdp))),
        Said::Offer { sdp } | Said::Answer { sdp } => {
            Some(("sdp", json!({"type": plain.said.name(), "sdp": sdp})))
        }
        Said::Candidate { candidate } => Some(("candidate", serde_json::from_str(candidate).ok()?)),
        Said::Status { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(frame: &Value) -> Option<Plain> {
        read(&serde_json::from_value(frame.clone()).unwrap())
    }

    #[test]
    fn what_existing_clients_say_is_read_and_answered_in_their_form() {
        let from = "10000001";
        for sdp in [json!("v=0"), json!({"type": "offer", "sdp": "v=0"})] {
            let frame = json!({"type": "offer", "from": from, "sdp": sdp});
            let plain = heard(&frame).unwrap();
            assert_eq!(
                plain.said,
                Said::Offer {
                    sdp: "v=0".to_owned()
                }
            );
            assert_eq!(member(&plain), Some(("sdp", sdp)));
        }
        let way = json!({"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0});
        let frame = json!({"type": "ice_candidate", "from": from, "candidate": way});
        assert_eq!(member(&heard(&frame).unwrap()), Some(("candidate", way)));
        let text = json!({"type": "candidate", "from": from, "candidate": "candidate:1"});
        let (_, value) = member(&heard(&text).unwrap()).unwrap();
        assert_eq!(value["candidate"], "candidate:1");
        for nothing in [
            json!({"type": "offer", "from": from}),
            json!({"type": "offer", "from": from, "sdp": 5}),
            json!({"type": "candidate", "from": from, "candidate": null}),
            json!({"type": "call_accept", "from": from}),
            json!({"type": "offer", "from": from, "sdp": "x".repeat(100_000)}),
        ] {
            assert!(heard(&nothing).is_none());
        }
    }
}

//! Reads the few members of a frame that a measurement needs, without parsing the rest. Relies on how our
//! server writes its frames: no white space between members.

use melo_domain::LogId;
use memchr::memmem::find;

/// A frame, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The answer to a message of ours.
    Queued { number: u64, seq: u64 },
    /// A message for us.
    Delivery { seq: u64, stamp: Stamp },
    /// A message that was not taken.
    Refused { number: Option<u64> },
    /// Everything missed was sent.
    Synced,
    /// Receipts, notices, answers to nothing.
    Other,
}

/// What the sender wrote at the beginning of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which message of its sender in this run, from 0. `None`: of an earlier run or another program.
    pub number: Option<u64>,
    /// When it was due, in nanoseconds since the run's base.
    pub due: u64,
}

/// Reads one frame. `run` is this run's mark in payloads.
pub(crate) fn event(text: &[u8], run: u32) -> Event {
    let Some(rest) = text.strip_prefix(br#"{"type":""#) else {
        return Event::Other;
    };
    if rest.starts_with(b"relay_delivery") {
        let seq = decimal_after(rest, br#""seq":"#);
        let stamp = after(rest, br#""payload":""#).map(|payload| stamp(payload, run));
        return match (seq, stamp) {
            (Some(seq), Some(stamp)) => Event::Delivery { seq, stamp },
            _ => Event::Other,
        };
    }
    if let Some(status) = rest.strip_prefix(br#"msg_status","status":""#) {
        if status.starts_with(b"queued") {
            let seq = decimal_after(status, br#""seq":"#);
            return match (client_number(status), seq) {
                (Some(number), Some(seq)) => Event::Queued { number, seq },
                _ => Event::Other,
            };
        }
        if status.starts_with(b"rate_limited") {
            return Event::Refused {
                number: client_number(status),
            };
        }
        return Event::Other;
    }
    if rest.starts_with(br#"error""#) {
        return Event::Refused {
            number: client_number(rest),
        };
    }
    if rest.starts_with(br#"synced""#) {
        return Event::Synced;
    }
    Event::Other
}

/// The last sequence number of `log` in a `synced` frame.
pub(crate) fn synced_position(text: &[u8], log: &str) -> u64 {
    let name = format!("\"{log}\":");
    decimal_after(text, name.as_bytes()).unwrap_or(0)
}

/// The log that a frame belongs to.
pub(crate) fn log_of(text: &[u8]) -> Option<LogId> {
    let log = decimal_after(text, br#""log":""#)?;
    LogId::from_i64(i64::try_from(log).ok()?).ok()
}

fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    find(text, mark).and_then(|at| text.get(at + mark.len()..))
}

fn decimal_after(text: &[u8], mark: &[u8]) -> Option<u64> {
    let digits = after(text, mark)?;
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = digits.get(..length).filter(|d| !d.is_empty())?;
    Some(
        digits
            .iter()
            .fold(0, |n: u64, b| n.wrapping_mul(10) + u64::from(b - b'0')),
    )
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |n: u64, b| {
        Some((n << 4) | u64::from(char::from(*b).to_digit(16)?))
    })
}

/// The number in the last group of a `client_id`.
fn client_number(text: &[u8]) -> Option<u64> {
    hex(after(text, br#""client_id":""#)?.get(24..36)?)
}

fn stamp(payload: &[u8], run: u32) -> Stamp {
    let field = |from: usize, to: usize| payload.get(from..to).and_then(hex);
    let ours = field(0, 8) == Some(u64::from(run));
    match (field(8, 16), field(16, 32)) {
        (Some(number), Some(due)) if ours => Stamp {
            number: Some(number),
            due,
        },
        _ => Stamp {
            number: None,
            due: 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use melo_domain::{DeviceHandle, MessageId, Timestamp, Uid};
    use melo_protocol::ErrorCode;
    use melo_protocol::frame::{ErrorFrame, MsgStatus, StatusKind, Synced, render_opaque_delivery};
    use uuid::Uuid;

    use super::*;

    fn status(status: StatusKind, client_id: Uuid) -> String {
        let log = LogId::from_random(77);
        serde_json::to_string(&MsgStatus {
            status,
            message_id: Some(MessageId { log, seq: 31 }),
            client_id: Some(client_id),
            log: Some(log),
            seq: Some(31),
            at: Timestamp::from_millis(5),
            from: Uid::from_random(1),
            to: Uid::from_random(2),
            chat_id: None,
            retry_after: None,
        })
        .unwrap()
    }

    #[test]
    fn frames_as_the_server_writes_them_are_understood() {
        let id = Uuid::from_u128(0x1111_2222_3333_4444_0000_0000_00ff);
        let read = |text: &str| event(text.as_bytes(), 0xabcd);
        assert_eq!(
            read(&status(StatusKind::Queued, id)),
            Event::Queued {
                number: 255,
                seq: 31
            }
        );
        assert_eq!(read(&status(StatusKind::Delivered, id)), Event::Other);
        let limited = Event::Refused { number: Some(255) };
        assert_eq!(read(&status(StatusKind::RateLimited, id)), limited);
        let error = ErrorFrame::new(ErrorCode::Overloaded, "busy".to_owned(), Some(id));
        assert_eq!(read(&serde_json::to_string(&error).unwrap()), limited);

        let log = LogId::from_random(9);
        let delivery = |payload: &str| {
            render_opaque_delivery(
                MessageId { log, seq: 8 },
                Uid::from_random(1),
                Some(DeviceHandle::from_random(3)),
                Timestamp::from_millis(5),
                None,
                payload,
            )
        };
        let stamped = delivery(r#""0000abcd000000070000000000000fff...""#);
        let ours = Stamp {
            number: Some(7),
            due: 4095,
        };
        assert_eq!(
            read(&stamped),
            Event::Delivery {
                seq: 8,
                stamp: ours
            }
        );
        assert_eq!(log_of(stamped.as_bytes()), Some(log));
        let other = Stamp {
            number: None,
            due: 0,
        };
        assert_eq!(
            read(&delivery(r#""hello""#)),
            Event::Delivery {
                seq: 8,
                stamp: other
            }
        );

        let synced = Synced {
            cursors: [(log, 12)].into(),
        };
        let text = serde_json::to_string(&synced).unwrap();
        assert_eq!(read(&text), Event::Synced);
        assert_eq!(synced_position(text.as_bytes(), &log.to_string()), 12);
        assert_eq!(synced_position(text.as_bytes(), "1"), 0);
    }

    #[test]
    fn anything_else_is_other() {
        for text in ["", "{}", r#"{"type":"pong"}"#, "\u{0}"] {
            assert_eq!(event(text.as_bytes(), 0), Event::Other);
        }
    }
}

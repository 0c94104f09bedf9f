//! The frames that a connection sends, written once and then only changed in a few places.

use std::fmt::Display;
use std::io::Write as _;

use melo_client::crypto::{RandomError, random};
use melo_domain::{LogId, Seq, Uid};

/// Hex digits of the run's mark, the number and the time at the beginning of a payload.
const MARK: usize = 8;
const NUMBER: usize = 8;
const DUE: usize = 16;
/// Hex digits of the number at the end of a `client_id`.
const CLIENT_NUMBER: usize = 12;

/// Whom messages are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    /// A contact.
    Person(Uid),
    /// Everybody in a group or channel.
    Chat(LogId),
}

/// Frames of one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    relay: Vec<u8>,
    client_number_at: usize,
    number_at: usize,
    pub log: String,
}

impl Frames {
    /// For messages of `size` bytes, which go into `log`.
    pub(crate) fn new(to: To, log: LogId, mark: u32, size: usize) -> Result<Self, RandomError> {
        let to = match to {
            To::Person(target) => format!(r#""target":"{target}""#),
            To::Chat(chat) => format!(r#""chat_id":{chat}"#),
        };
        let head = format!(r#"{{"type":"relay",{to},"client_id":""#);
        // Different from any other run's, so that the server takes none for a repetition.
        let run = random::uuid()?.to_string();
        let run = run.get(..24).unwrap_or_default();
        let mut relay = format!(r#"{head}{run}{:012x}","payload":"{mark:08x}"#, 0);
        let number_at = relay.len();
        relay.extend(std::iter::repeat_n('x', size - MARK));
        relay.push_str(r#""}"#);
        Ok(Self {
            client_number_at: head.len() + run.len(),
            number_at,
            relay: relay.into_bytes(),
            log: log.to_string(),
        })
    }

    /// The frame of message `number`, due at `due`.
    pub(crate) fn relay(&mut self, number: u64, due: u64) -> &[u8] {
        write_hex(
            &mut self.relay[self.client_number_at..][..CLIENT_NUMBER],
            number,
        );
        write_hex(&mut self.relay[self.number_at..][..NUMBER], number);
        write_hex(&mut self.relay[self.number_at + NUMBER..][..DUE], due);
        &self.relay
    }

    /// The frame that acknowledges everything up to `seq`.
    pub(crate) fn ack(&self, seq: Seq) -> Vec<u8> {
        ack(&self.log, seq)
    }
}

/// The frame that acknowledges everything in `log` up to `seq`.
pub(crate) fn ack(log: impl Display, seq: Seq) -> Vec<u8> {
    let mut text = Vec::with_capacity(64);
    // Writing to a Vec cannot fail.
    let _ = write!(text, r#"{{"type":"ack","log":"{log}","seq":{seq}}}"#);
    text
}

fn write_hex(into: &mut [u8], mut value: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 0xf) as usize];
        value >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use melo_protocol::frame::{ClientFrame, Recipient};

    use super::*;

    #[test]
    fn the_server_reads_what_is_sent() {
        let (target, log) = (Uid::from_random(5), LogId::from_random(6));
        let mut frames = Frames::new(To::Person(target), log, 0xabcd, 256).unwrap();
        let first = frames.relay(1, 2).to_vec();
        let text = std::str::from_utf8(frames.relay(0x1f, 0xff)).unwrap();
        let Ok(ClientFrame::Relay {
            to,
            payload,
            client_id: Some(id),
        }) = ClientFrame::parse(text)
        else {
            panic!("not a relay: {text}");
        };
        assert_eq!(to, Recipient::Person(target));
        assert_eq!(payload.get().len(), 256 + 2);
        assert!(
            payload
                .get()
                .starts_with("\"0000abcd0000001f00000000000000ffx")
        );
        assert_eq!(id.as_u128() & 0xffff_ffff_ffff, 0x1f);
        assert_ne!(first, text.as_bytes());

        let mut to_chat = Frames::new(To::Chat(log), log, 0xabcd, 32).unwrap();
        let text = std::str::from_utf8(to_chat.relay(0, 0)).unwrap();
        assert!(matches!(
            ClientFrame::parse(text),
            Ok(ClientFrame::Relay { to: Recipient::Chat(chat), .. }) if chat.0 == log
        ));

        let ack = frames.ack(9);
        let ack = ClientFrame::parse(std::str::from_utf8(&ack).unwrap());
        assert!(matches!(ack, Ok(ClientFrame::Ack { log: l, seq: 9 }) if l == log));
    }
}

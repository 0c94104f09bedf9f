//! Sends back what was said, a moment later.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::packet::SoundPacket;

/// How much later: long enough that whoever speaks hears themselves, and that no device takes it for the echo of its own
/// loudspeaker and filters it out.
const LATER: Duration = Duration::from_secs(1);
/// Packets on their way back, at most: a good deal more than a second of them.
const WAITING: usize = 200;

/// Packets on their way back.
#[derive(Debug, Default)]
pub struct Echo {
    waiting: VecDeque<(Instant, SoundPacket)>,
    /// The packets sent so far are numbered through, whatever numbers they came with.
    sent: u16,
}

impl Echo {
    /// Something was said. What is too much is not sent back.
    pub fn hear(&mut self, packet: SoundPacket, now: Instant) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back((now + LATER, packet));
        }
    }

    /// When the next packet is to be sent.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// The next packet, if its time has come.
    pub fn say(&mut self, now: Instant) -> Option<SoundPacket> {
        let (_, packet) = self.waiting.pop_front_if(|(due, _)| *due <= now)?;
        let sequence = self.sent;
        self.sent = self.sent.wrapping_add(1);
        Some(SoundPacket { sequence, ..packet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> SoundPacket {
        SoundPacket {
            sequence,
            timestamp: u32::from(sequence) * 960,
            payload: vec![1].into(),
        }
    }

    #[test]
    fn what_was_said_comes_back_in_its_order_a_moment_later() {
        let mut echo = Echo::default();
        let start = Instant::now();
        for n in [100, 102, 103] {
            echo.hear(packet(n), start + Duration::from_millis(u64::from(n)));
        }
        assert_eq!(echo.due(), Some(start + LATER + Duration::from_millis(100)));
        assert_eq!(echo.say(start), None);
        let said: Vec<_> = std::iter::from_fn(|| echo.say(start + LATER * 2)).collect();
        let numbers: Vec<_> = said
            .iter()
            .map(|p| (p.sequence, p.timestamp / 960))
            .collect();
        assert_eq!(numbers, [(0, 100), (1, 102), (2, 103)]);
        assert_eq!(echo.due(), None);
    }

    #[test]
    fn no_more_waits_than_there_is_room_for() {
        let mut echo = Echo::default();
        let start = Instant::now();
        for n in 0..1_000 {
            echo.hear(packet(n), start);
        }
        let said = std::iter::from_fn(|| echo.say(start + LATER)).count();
        assert_eq!(said, WAITING);
    }
}

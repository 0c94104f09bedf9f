//! Packets of sound as they come, in their order and without gaps: what plays or records them has 20 ms of sound for
//! each 20 ms that were said.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::error::MediaError;
use crate::opus::{FRAME, SAMPLE_RATE, SoundDecoder};
use crate::packet::SoundPacket;

/// How many packets may be waited past one that is missing: 200 ms.
const PATIENCE: usize = 10;
/// A hole up to this long is filled with what may have been there, in samples; a longer one is silence.
const CONCEALED: u32 = SAMPLE_RATE / 5;
/// No hole is longer: whoever jumps further has begun anew. In samples.
const LONGEST_HOLE: u32 = SAMPLE_RATE * 10;

/// Sound may run ahead of the clock by this much, in samples: networks hold packets up and let them go together. What is
/// beyond it is not believed, or whoever sends could fill a disk with few bytes.
const AHEAD: u64 = SAMPLE_RATE as u64 * 5;

/// Puts packets in order and makes sound of them.
pub struct Playout {
    decoder: SoundDecoder,
    /// By sequence numbers that do not begin again.
    waiting: BTreeMap<i64, SoundPacket>,
    /// The sequence number of the last packet that was played, and when it ended.
    played: Option<(i64, u32)>,
    lost: u64,
    heard: u64,
    /// When the first packet came, and how much sound there has been since.
    began: Option<Instant>,
    samples: u64,
}

impl Playout {
    /// Before the first packet.
    pub fn new() -> Result<Self, MediaError> {
        Ok(Self {
            decoder: SoundDecoder::new()?,
            waiting: BTreeMap::new(),
            played: None,
            lost: 0,
            heard: 0,
            began: None,
            samples: 0,
        })
    }

    /// Packets that were played, and those that were missing.
    pub fn counts(&self) -> (u64, u64) {
        (self.heard, self.lost)
    }

    /// Takes a packet that has come `now`; returns the sound that can be played.
    pub fn put(&mut self, packet: SoundPacket, now: Instant) -> Vec<i16> {
        let newest = self.waiting.keys().next_back().copied();
        let near = newest.or(self.played.map(|(sequence, _)| sequence));
        let sequence = unwrap(packet.sequence, near);
        if self.played.is_some_and(|(played, _)| sequence <= played) {
            // It is too late, or was here before.
            return Vec::new();
        }
        self.waiting.insert(sequence, packet);
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_millis();
        let mut sound = self.play(PATIENCE);
        let most =
            u64::try_from(passed).unwrap_or(u64::MAX) * u64::from(SAMPLE_RATE / 1000) + AHEAD;
        sound.truncate(usize::try_from(most.saturating_sub(self.samples)).unwrap_or(usize::MAX));
        self.samples += sound.len() as u64;
        sound
    }

    /// What waits still, at the end.
    pub fn finish(&mut self) -> Vec<i16> {
        self.play(0)
    }

    fn play(&mut self, patience: usize) -> Vec<i16> {
        let mut sound = Vec::new();
        while let Some((&sequence, _)) = self.waiting.first_key_value() {
            // The first packet is waited past as well: it may not be the first that was sent.
            let is_next = match self.played {
                Some((played, _)) => sequence == played + 1,
                None => false,
            };
            if !is_next && self.waiting.len() <= patience {
                break;
            }
            if let Some((sequence, packet)) = self.waiting.pop_first() {
                self.play_one(sequence, &packet, &mut sound);
            }
        }
        sound
    }

    fn play_one(&mut self, sequence: i64, packet: &SoundPacket, sound: &mut Vec<i16>) {
        let mut begin = packet.timestamp;
        let mut overlap = 0;
        if let Some((played, ended)) = self.played {
            self.lost += u64::try_from(sequence - played - 1).unwrap_or(0);
            // Silence is not always sent: then the time goes on and the numbers do not (RFC 7587, section 4.2).
            let hole = begin.wrapping_sub(ended);
            if hole > 0 && hole < LONGEST_HOLE {
                self.fill(hole, &packet.payload, sound);
            }
            // A packet that lasted longer than it said has taken some of this one's time.
            let earlier = ended.wrapping_sub(begin);
            if earlier < LONGEST_HOLE {
                overlap = earlier;
                begin = ended;
            }
        }
        let decoded = self.decoder.decode(&packet.payload).unwrap_or_default();
        if decoded.is_empty() {
            self.lost += 1;
        } else {
            self.heard += 1;
        }
        let overlap = usize::try_from(overlap).unwrap_or(0);
        let new = decoded.get(overlap..).unwrap_or_default();
        let length = u32::try_from(new.len()).unwrap_or(0);
        sound.extend(new);
        self.played = Some((sequence, begin.wrapping_add(length)));
    }

    fn fill(&mut self, hole: u32, after: &[u8], sound: &mut Vec<i16>) {
        let length = usize::try_from(hole).unwrap_or(0);
        let end = sound.len() + length;
        if hole <= CONCEALED {
            let mut left = length;
            while left > 0 {
                let piece = left.min(FRAME);
                // The copy that a packet holds is of the one right before it.
                let copy = (left == piece).then_some(after);
                match self.decoder.conceal(copy, piece) {
                    Ok(concealed) if !concealed.is_empty() => {
                        left = left.saturating_sub(concealed.len());
                        sound.extend(concealed);
                    }
                    _ => break,
                }
            }
        }
        sound.resize(end, 0);
    }
}

/// The sequence number without its beginning again: the one nearest to `near`.
fn unwrap(sequence: u16, near: Option<i64>) -> i64 {
    let sequence = i64::from(sequence);
    let Some(near) = near else { return sequence };
    let behind = (near - sequence).div_euclid(1 << 16);
    let below = sequence + (behind << 16);
    let above = below + (1 << 16);
    if near - below <= above - near {
        below
    } else {
        above
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sound of a few samples"
)]
mod tests {
    use super::*;
    use crate::opus::SoundEncoder;

    /// A tone in packets, from this sequence number on.
    fn tone(first: u16, count: u16) -> Vec<SoundPacket> {
        let mut encoder = SoundEncoder::new(SAMPLE_RATE).unwrap();
        let packets = (0..count).map(|n| {
            let samples: Vec<i16> = (0..FRAME)
                .map(|at| {
                    let time = (usize::from(n) * FRAME + at) as f32 / 48_000.0;
                    ((time * 440.0 * std::f32::consts::TAU).sin() * 8_000.0) as i16
                })
                .collect();
            SoundPacket {
                sequence: first.wrapping_add(n),
                timestamp: (u32::MAX - 5_000).wrapping_add(u32::from(n) * FRAME as u32),
                payload: encoder.encode(&samples).unwrap().into(),
            }
        });
        packets.collect()
    }

    fn play(packets: Vec<SoundPacket>) -> (Vec<i16>, (u64, u64)) {
        let (mut playout, now) = (Playout::new().unwrap(), Instant::now());
        let mut sound: Vec<i16> = packets
            .into_iter()
            .flat_map(|packet| playout.put(packet, now))
            .collect();
        sound.extend(playout.finish());
        (sound, playout.counts())
    }

    #[test]
    fn order_and_repetition_make_no_difference() {
        let packets = tone(65_520, 60);
        let (expected, counts) = play(packets.clone());
        assert_eq!(expected.len(), 60 * FRAME);
        assert_eq!(counts, (60, 0));
        let mut shuffled = packets;
        for pair in shuffled.chunks_mut(3) {
            pair.reverse();
        }
        shuffled.insert(20, shuffled[10].clone());
        assert_eq!(play(shuffled), (expected, (60, 0)));
    }

    #[test]
    fn what_is_lost_is_missing_in_the_middle_and_not_in_the_length() {
        let mut packets = tone(7, 60);
        packets.drain(20..23);
        packets.remove(40);
        let (sound, counts) = play(packets);
        assert_eq!(sound.len(), 60 * FRAME);
        assert_eq!(counts, (56, 4));
        // Concealed, not silent.
        let loudest = sound[20 * FRAME..21 * FRAME]
            .iter()
            .map(|s| s.unsigned_abs())
            .max();
        assert!(loudest > Some(1_000), "{loudest:?}");
    }

    #[test]
    fn what_cannot_be_decoded_breaks_nothing() {
        let mut packets = tone(7, 30);
        packets[10].payload = vec![0xff; 700].into();
        packets[11].payload = Vec::new().into();
        let (sound, _) = play(packets);
        assert_eq!(sound.len(), 30 * FRAME);
    }

    #[test]
    fn silence_that_is_not_sent_takes_its_time_and_a_jump_does_not() {
        let mut packets = tone(7, 30);
        for packet in &mut packets[20..] {
            packet.timestamp = packet.timestamp.wrapping_add(SAMPLE_RATE);
        }
        assert_eq!(play(packets.clone()).0.len(), 30 * FRAME + 48_000);
        for packet in &mut packets[20..] {
            packet.timestamp = packet.timestamp.wrapping_add(1 << 30);
        }
        assert_eq!(play(packets).0.len(), 30 * FRAME);
    }

    #[test]
    fn few_packets_make_no_hours_of_sound() {
        let mut packets = tone(7, 60);
        for (n, packet) in (0_u32..).zip(&mut packets) {
            packet.timestamp = packet.timestamp.wrapping_add(n * (LONGEST_HOLE - 1));
        }
        let (mut playout, start) = (Playout::new().unwrap(), Instant::now());
        let sound: usize = packets
            .iter()
            .map(|packet| playout.put(packet.clone(), start).len())
            .sum();
        assert_eq!(sound as u64, AHEAD);
        // A second later there may be a second more.
        let more = playout.put(
            SoundPacket {
                sequence: 67,
                ..packets[59].clone()
            },
            start + std::time::Duration::from_secs(1),
        );
        assert!(more.len() <= 48_000);
    }

    #[test]
    fn sequence_numbers_go_on_where_they_begin_again() {
        assert_eq!(unwrap(65_535, None), 65_535);
        assert_eq!(unwrap(0, Some(65_535)), 65_536);
        assert_eq!(unwrap(65_535, Some(65_536)), 65_535);
        assert_eq!(unwrap(3, Some(3 * 65_536 + 1)), 3 * 65_536 + 3);
        assert_eq!(unwrap(65_530, Some(2)), -6);
    }
}

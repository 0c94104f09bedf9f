//! Which messages were received, so that one that comes a second time under another number is refused.

use std::collections::HashMap;

use melo_domain::{DeviceHandle, Seq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::crypto::encoding::{decode, encode};

/// The most messages remembered per conversation; beyond it the oldest are forgotten.
const MAX_REMEMBERED: usize = 50_000;
/// How many are forgotten at once.
const FORGET: usize = 5_000;

type Fingerprint = [u8; 16];

/// The messages of one conversation: sender device and id, and the place in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivedIds(HashMap<Fingerprint, Seq>);

impl ReceivedIds {
    /// Remembers a message. False when the same device sent the same id at another place: a replay.
    #[must_use]
    pub fn remember(&mut self, device: DeviceHandle, id: Uuid, seq: Seq) -> bool {
        if let Some(before) = self.0.get(&fingerprint(device, id)) {
            return *before == seq;
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.forget_oldest();
        }
        self.0.insert(fingerprint(device, id), seq);
        true
    }

    fn forget_oldest(&mut self) {
        let mut seqs: Vec<Seq> = self.0.values().copied().collect();
        seqs.sort_unstable();
        if let Some(limit) = seqs.get(FORGET).copied() {
            self.0.retain(|_, seq| *seq >= limit);
        }
    }
}

fn fingerprint(device: DeviceHandle, id: Uuid) -> Fingerprint {
    let digest = Sha256::new()
        .chain_update(device.to_i64().to_be_bytes())
        .chain_update(id.as_bytes())
        .finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

impl Serialize for ReceivedIds {
    /// One text: 16 bytes of fingerprint and 8 of place, for each message.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * 24);
        for (fingerprint, seq) in &self.0 {
            bytes.extend_from_slice(fingerprint);
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        serializer.serialize_str(&encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for ReceivedIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes =
            decode(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
        let entry = |entry: &[u8]| {
            let (fingerprint, seq) = entry.split_first_chunk::<16>()?;
            Some((*fingerprint, Seq::from_be_bytes(seq.try_into().ok()?)))
        };
        Ok(Self(bytes.chunks_exact(24).filter_map(entry).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_the_same_message_at_another_place() {
        let mut received = ReceivedIds::default();
        let (device, id) = (DeviceHandle::from_random(2), Uuid::from_u128(1));
        assert!(received.remember(device, id, 1));
        assert!(
            received.remember(device, id, 1),
            "the same delivery again is no replay"
        );
        assert!(!received.remember(device, id, 2));
        assert!(received.remember(DeviceHandle::from_random(9), id, 3));
        let text = serde_json::to_string(&received).unwrap();
        let mut again: ReceivedIds = serde_json::from_str(&text).unwrap();
        assert_eq!(again, received);
        assert!(!again.remember(device, id, 2));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut received = ReceivedIds::default();
        let device = DeviceHandle::from_random(2);
        let last = 2 * MAX_REMEMBERED as u64;
        for seq in 1..=last {
            assert!(received.remember(device, Uuid::from_u128(seq.into()), seq));
        }
        assert!(received.0.len() <= MAX_REMEMBERED);
        assert!(!received.remember(device, Uuid::from_u128(last.into()), last + 1));
    }
}

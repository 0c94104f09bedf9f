//! Values that several change at once: who changes one says what they have seen of it, and has their way only if it
//! is still so. An agenda beside them says which are to be looked at, and when.

use std::time::Duration;

use melo_domain::Timestamp;

use crate::{Ephemeral, EphemeralError, Kind};

/// Where a value is kept: a kind in plain, and an id that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

/// A value as it was read.
#[derive(Debug, Clone)]
pub struct Seen {
    /// In plain.
    pub value: Vec<u8>,
    /// As it is kept, by which it is known again: no two sealings are the same.
    sealed: Vec<u8>,
}

impl Ephemeral {
    /// Where the value of `id` is kept.
    pub fn place(&self, kind: Kind, id: &[u8]) -> Place {
        Place(self.name(kind, id))
    }

    /// The value at a place, which stays.
    pub async fn read(&self, place: &Place) -> Result<Option<Seen>, EphemeralError> {
        let Some(sealed) = self.backend.get(&place.0).await? else {
            return Ok(None);
        };
        let plain = self
            .keys
            .open_ephemeral(&place.0, &sealed)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(Some(Seen {
            value: plain.to_vec(),
            sealed,
        }))
    }

    /// Puts `value` there for `ttl`, or takes away what is there, if that is still what was `seen`. Says whether it
    /// was: of any number of callers who have seen the same exactly one changes it.
    pub async fn swap(
        &self,
        place: &Place,
        seen: Option<&Seen>,
        value: Option<&[u8]>,
        ttl: Duration,
    ) -> Result<bool, EphemeralError> {
        let sealed = value
            .map(|value| self.keys.seal_ephemeral(&place.0, value))
            .transpose()
            .map_err(|_| EphemeralError::Seal)?;
        let expected = seen.map(|seen| seen.sealed.as_slice());
        Ok(self.backend.swap(&place.0, expected, sealed, ttl).await?)
    }

    /// What is kept at a place is to be looked at from `at` on.
    pub async fn schedule(
        &self,
        kind: Kind,
        place: &Place,
        at: Timestamp,
    ) -> Result<(), EphemeralError> {
        Ok(self.backend.schedule(agenda(kind), &place.0, at).await?)
    }

    /// What is to be looked at by now, the longest due first, `limit` of it.
    pub async fn due(
        &self,
        kind: Kind,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Place>, EphemeralError> {
        let due = self.backend.due(agenda(kind), now, limit).await?;
        Ok(due.into_iter().map(Place).collect())
    }

    /// It need not be looked at any more.
    pub async fn strike_off(&self, kind: Kind, place: &Place) -> Result<(), EphemeralError> {
        Ok(self.backend.strike_off(agenda(kind), &place.0).await?)
    }
}

/// The agenda of a kind. Its name stands in plain, as the kind's does.
fn agenda(kind: Kind) -> &'static str {
    kind.as_str()
}

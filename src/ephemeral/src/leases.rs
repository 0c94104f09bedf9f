//! Entries with several holders, each of whom keeps a value there for a time of its own: who holds nothing any more,
//! because the process ended, is gone when that time is over.

use std::time::Duration;

use melo_domain::Timestamp;

use crate::{Ephemeral, EphemeralError, Kind};

/// What one holder keeps in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lease {
    holder: String,
    value: Vec<u8>,
    expires: Timestamp,
}

/// The holders of one entry.
#[derive(Debug, Default)]
pub(crate) struct Leases(Vec<Lease>);

impl Leases {
    pub(crate) fn keep(&mut self, holder: &str, value: Vec<u8>, expires: Timestamp) {
        self.end(holder);
        self.0.push(Lease {
            holder: holder.to_owned(),
            value,
            expires,
        });
    }

    pub(crate) fn end(&mut self, holder: &str) {
        self.0.retain(|lease| lease.holder != holder);
    }

    /// Drops those whose time is over.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.0.retain(|lease| lease.expires > now);
    }

    /// When the last of them is over; `None` when there is none.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.0.iter().map(|lease| lease.expires).max()
    }

    pub(crate) fn live(&self, now: Timestamp) -> Vec<(String, Vec<u8>)> {
        let live = self.0.iter().filter(|lease| lease.expires > now);
        live.map(|lease| (lease.holder.clone(), lease.value.clone()))
            .collect()
    }
}

impl Ephemeral {
    /// A holder's hidden name in the entry `name`.
    fn holder(&self, name: &str, holder: &[u8]) -> String {
        let id = [name.as_bytes(), b" ", holder].concat();
        self.keys.ephemeral_name("holder", &id)
    }

    /// Keeps `value` for `holder` in the entry `id` for `ttl`, beside what others keep there.
    pub async fn lease(
        &self,
        kind: Kind,
        id: &[u8],
        holder: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let name = self.name(kind, id);
        let holder = self.holder(&name, holder);
        let sealed = self
            .keys
            .seal_ephemeral(&place(&name, &holder), value)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(self.backend.lease(&name, &holder, sealed, ttl).await?)
    }

    /// Ends what `holder` keeps in the entry `id`, if anything.
    pub async fn end_lease(
        &self,
        kind: Kind,
        id: &[u8],
        holder: &[u8],
    ) -> Result<(), EphemeralError> {
        let name = self.name(kind, id);
        let holder = self.holder(&name, holder);
        Ok(self.backend.end_lease(&name, &holder).await?)
    }

    /// The values that are kept in each of these entries, in the order of `ids`, asked for at once.
    pub async fn leases(
        &self,
        kind: Kind,
        ids: &[Vec<u8>],
    ) -> Result<Vec<Vec<Vec<u8>>>, EphemeralError> {
        let names: Vec<String> = ids.iter().map(|id| self.name(kind, id)).collect();
        let all = self.backend.leases(&names).await?;
        let mut opened = Vec::with_capacity(names.len());
        for (name, leases) in names.iter().zip(all) {
            let values: Result<Vec<Vec<u8>>, EphemeralError> = leases
                .iter()
                .map(|(holder, sealed)| {
                    let plain = self.keys.open_ephemeral(&place(name, holder), sealed);
                    Ok(plain.map_err(|_| EphemeralError::Seal)?.to_vec())
                })
                .collect();
            opened.push(values?);
        }
        Ok(opened)
    }
}

/// A value opens in its own place alone.
fn place(name: &str, holder: &str) -> String {
    format!("{name} {holder}")
}

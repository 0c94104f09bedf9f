//! What keeps short-lived entries. It sees sealed values and hidden names only.

use std::time::Duration;

use async_trait::async_trait;
use melo_domain::Timestamp;

use crate::answers::Begun;
use crate::quota::{Quota, Spent};
use crate::strikes::{Strike, StrikeRule};

/// The store refused or could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It holds as much as it may.
    #[error("short-lived state is full")]
    Full,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the first one.
    First,
    /// There was one before; the name is free again after this time.
    Taken(Duration),
}

/// A store of entries that expire. Each operation is atomic on one name and works on the two or three numbers
/// kept there, so that a store outside of the process can do it in one script.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Keeps a value, in place of one of the same name.
    async fn put(&self, name: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BackendError>;
    /// Removes and returns a value, or forgets whatever else is kept under that name.
    async fn take(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError>;
    /// Whether this is the first claim of that name within `ttl`: of any number at once exactly one is.
    async fn claim(&self, name: &str, ttl: Duration) -> Result<Claim, BackendError>;
    /// Begins a call that is to be made once, by its name and what it asks, or says what is known of it.
    async fn begin(&self, name: &str, request: &str, ttl: Duration) -> Result<Begun, BackendError>;
    /// Keeps the answer of a call that has begun.
    async fn finish(&self, name: &str, answer: Vec<u8>, ttl: Duration) -> Result<(), BackendError>;
    /// Takes one of a quota, if there is one.
    async fn spend(&self, name: &str, quota: &Quota) -> Result<Spent, BackendError>;
    /// Notes a failure, unless the door is closed.
    async fn strike(&self, name: &str, rule: &StrikeRule) -> Result<Strike, BackendError>;
    /// Takes the last failure back.
    async fn excuse(&self, name: &str) -> Result<(), BackendError>;
    /// How long the door stays closed; zero when it is open.
    async fn barred(&self, name: &str) -> Result<Duration, BackendError>;
    /// Keeps a value for one holder in an entry, beside those of other holders, each for its own time.
    async fn lease(
        &self,
        name: &str,
        holder: &str,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), BackendError>;
    /// Ends what a holder keeps in an entry.
    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), BackendError>;
    /// Holders and values of each of these entries, as far as their time is not over, in the order of the names.
    async fn leases(&self, names: &[String]) -> Result<Vec<Vec<(String, Vec<u8>)>>, BackendError>;
    /// The value, which stays.
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError>;
    /// Puts `value` in the place of what was there, or takes it away, if what is there is still `expected`: of any
    /// number of callers that expect the same exactly one gets its way. Says whether it did.
    async fn swap(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: Option<Vec<u8>>,
        ttl: Duration,
    ) -> Result<bool, BackendError>;
    /// Enters `member` into the agenda of that name, to be looked at from `at` on; where it stands already, it is
    /// looked at then instead.
    async fn schedule(&self, agenda: &str, member: &str, at: Timestamp)
    -> Result<(), BackendError>;
    /// What is to be looked at by now, the longest due first. It stays there.
    async fn due(
        &self,
        agenda: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, BackendError>;
    /// Takes `member` out of the agenda.
    async fn strike_off(&self, agenda: &str, member: &str) -> Result<(), BackendError>;
}

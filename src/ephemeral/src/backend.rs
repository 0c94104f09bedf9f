//! What keeps short-lived entries. It sees sealed values and hidden names only.

use std::time::Duration;

use async_trait::async_trait;

/// The store refused or could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It holds as much as it may.
    #[error("short-lived state is full")]
    Full,
}

/// Attempts counted in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// Until the window ends and the count is zero again.
    pub remaining: Duration,
}

/// A store of entries that expire.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Keeps a value, in place of one of the same name.
    async fn put(&self, name: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BackendError>;
    /// Removes and returns a value or counter; atomic.
    async fn take(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError>;
    /// Adds one to a counter, which begins with its first count and ends `window` later; atomic.
    async fn count(&self, name: &str, window: Duration) -> Result<Attempts, BackendError>;
    /// Reads a counter.
    async fn attempts(&self, name: &str) -> Result<Attempts, BackendError>;
    /// Lets an existing entry live for `ttl` from now at least.
    async fn extend(&self, name: &str, ttl: Duration) -> Result<(), BackendError>;
}

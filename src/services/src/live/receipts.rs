//! For clients that never acknowledge: what was written to them counts as received once they answer a ping
//! that was written after it. (Any other frame of theirs may have been on its way before.)

use std::collections::HashMap;

use melo_domain::{LogId, Seq};

use super::session::{LiveError, LiveSession};
use crate::messages::Progress;

/// What was written and not yet confirmed.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    /// Since the last ping.
    since: HashMap<LogId, Seq>,
    /// Before the ping that is unanswered.
    pinged: HashMap<LogId, Seq>,
    /// The client acknowledges by itself.
    by_client: bool,
}

impl Unconfirmed {
    pub(super) fn sent(&mut self, log: LogId, seq: Seq) {
        if !self.by_client {
            self.since.insert(log, seq);
        }
    }

    /// The client goes back in this log: what it was sent before does not count any more.
    pub(super) fn forget(&mut self, log: LogId) {
        self.since.remove(&log);
        self.pinged.remove(&log);
    }

    pub(super) fn client_acknowledges(&mut self) {
        if !self.by_client {
            *self = Self {
                by_client: true,
                ..Self::default()
            };
        }
    }
}

impl LiveSession {
    /// Whether a ping should go out now, so that its answer confirms what was written.
    pub fn wants_ping(&self) -> bool {
        !self.unconfirmed.since.is_empty() && self.unconfirmed.pinged.is_empty()
    }

    /// Such a ping was written. There is one at a time.
    pub fn pinged(&mut self) {
        let since = std::mem::take(&mut self.unconfirmed.since);
        self.unconfirmed.pinged.extend(since);
    }

    /// It was answered.
    pub async fn ponged(&mut self) -> Result<(), LiveError> {
        for (log, seq) in std::mem::take(&mut self.unconfirmed.pinged) {
            self.confirm(log, seq, Progress::Delivered).await?;
        }
        Ok(())
    }
}

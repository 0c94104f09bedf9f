//! What is to be looked at, and when: every node asks, and whoever changes what is due first has done it.

use std::collections::{BTreeSet, HashMap};

use melo_domain::Timestamp;

use crate::backend::BackendError;

/// One agenda in this process.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    times: HashMap<String, Timestamp>,
    order: BTreeSet<(Timestamp, String)>,
}

impl Agenda {
    pub(crate) fn put(
        &mut self,
        member: &str,
        at: Timestamp,
        most: usize,
    ) -> Result<(), BackendError> {
        if self.times.len() >= most && !self.times.contains_key(member) {
            return Err(BackendError::Full);
        }
        self.strike_off(member);
        self.times.insert(member.to_owned(), at);
        self.order.insert((at, member.to_owned()));
        Ok(())
    }

    pub(crate) fn strike_off(&mut self, member: &str) {
        if let Some(at) = self.times.remove(member) {
            self.order.remove(&(at, member.to_owned()));
        }
    }

    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<String> {
        let due = self.order.iter().take_while(|(at, _)| *at <= now);
        due.take(limit).map(|(_, member)| member.clone()).collect()
    }
}

//! A call within a chat: whoever is a member joins and leaves. Every device reaches every other one directly (a mesh),
//! so there are few of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::direct::{CallRefusal, Party};
use super::{EndReason, LONGEST_CALL};
use crate::{DeviceHandle, LogId, Timestamp, Uid};

/// People in one call of a chat, at most: in a mesh each sends what they say to each other one.
pub const MAX_GROUP_CALL: usize = 8;

/// How long somebody may be alone in one.
const ALONE: Duration = Duration::from_mins(5);

/// Somebody who is in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Who, and with which device.
    pub party: Party,
    /// Since when.
    pub since: Timestamp,
}

/// What came of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// They are in it now.
    New,
    /// They were, with this device: another one has taken over.
    Moved(DeviceHandle),
    /// They were.
    Repeated,
    /// There are as many as there may be.
    Full,
}

/// A call within a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCall {
    /// The chat.
    pub log: LogId,
    /// Who began it.
    pub starter: Party,
    /// When.
    pub began: Timestamp,
    /// Who is in it, in the order in which they came.
    pub joined: Vec<Joined>,
    /// Everybody who was ever in it.
    pub everybody: Vec<Uid>,
    /// Since when there has been one person in it.
    pub alone_since: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why, where it was not that the last one left.
    pub reason: Option<EndReason>,
}

impl GroupCall {
    /// A call with one person in it.
    pub fn begun(log: LogId, starter: Party, now: Timestamp) -> Self {
        Self {
            log,
            starter,
            began: now,
            joined: vec![Joined {
                party: starter,
                since: now,
            }],
            everybody: vec![starter.uid],
            alone_since: Some(now),
            ended: None,
            reason: None,
        }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// The device with which somebody is in it.
    pub fn device_of(&self, uid: Uid) -> Option<DeviceHandle> {
        let found = self.joined.iter().find(|joined| joined.party.uid == uid);
        found.map(|joined| joined.party.device)
    }

    /// Whether that device is in it.
    pub fn takes_part(&self, party: Party) -> Result<(), CallRefusal> {
        if self.is_over() {
            return Err(CallRefusal::Over);
        }
        match self.device_of(party.uid) {
            Some(device) if device == party.device => Ok(()),
            Some(_) => Err(CallRefusal::Taken),
            None => Err(CallRefusal::NotInCall),
        }
    }

    /// Lets somebody in.
    pub fn join(&mut self, party: Party, now: Timestamp) -> Result<Joining, CallRefusal> {
        if self.is_over() {
            return Err(CallRefusal::Over);
        }
        let known = self.joined.iter_mut().find(|j| j.party.uid == party.uid);
        if let Some(known) = known {
            let before = known.party.device;
            if before == party.device {
                return Ok(Joining::Repeated);
            }
            known.party.device = party.device;
            return Ok(Joining::Moved(before));
        }
        if self.joined.len() >= MAX_GROUP_CALL {
            return Ok(Joining::Full);
        }
        self.joined.push(Joined { party, since: now });
        if !self.everybody.contains(&party.uid) {
            self.everybody.push(party.uid);
        }
        self.count(now);
        Ok(Joining::New)
    }

    /// Somebody leaves, or was lost. The last one takes the call with them.
    pub fn leave(&mut self, party: Party, now: Timestamp) -> Result<(), CallRefusal> {
        self.takes_part(party)?;
        self.joined.retain(|joined| joined.party != party);
        if self.joined.is_empty() {
            self.ended = Some(now);
        } else {
            self.count(now);
        }
        Ok(())
    }

    /// When its time is over by itself.
    pub fn ends_by(&self) -> Option<Timestamp> {
        if self.is_over() {
            return None;
        }
        let longest = self.began.plus(LONGEST_CALL);
        let alone = self.alone_since.map(|since| since.plus(ALONE));
        Some(alone.map_or(longest, |alone| alone.min(longest)))
    }

    /// Ends it if its time is over.
    pub fn expire(&mut self, now: Timestamp) -> Result<(), CallRefusal> {
        match self.ends_by() {
            None => Err(CallRefusal::Over),
            Some(end) if now < end => Err(CallRefusal::NotYet),
            Some(_) => {
                self.reason = Some(EndReason::TooLong);
                self.ended = Some(now);
                self.joined.clear();
                Ok(())
            }
        }
    }

    /// For how long it went on.
    pub fn duration(&self) -> Duration {
        self.ended
            .map_or(Duration::ZERO, |end| end.since(self.began))
    }

    fn count(&mut self, now: Timestamp) {
        let alone = self.joined.len() == 1;
        self.alone_since = alone.then(|| self.alone_since.unwrap_or(now));
    }
}

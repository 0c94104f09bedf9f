//! A call of two people: `ringing → answered → connected → ended`, or one of the ends before an answer. All devices of
//! the one who is called ring, one of them wins; a state that is an end never changes again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::LONGEST_CALL;
use crate::{DeviceHandle, Timestamp, Uid};

/// Where a call stands. The names are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The devices of the one who is called ring.
    Ringing,
    /// One of them has answered; the two look for a way to each other.
    Answered,
    /// They hear each other.
    Connected,
    /// It was declined.
    Rejected,
    /// The other was in a call, or their device said so.
    Busy,
    /// Nobody answered in time.
    Missed,
    /// The caller gave up before anybody answered.
    Cancelled,
    /// It was answered, and is over.
    Ended,
}

impl CallState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ringing,
        Self::Answered,
        Self::Connected,
        Self::Rejected,
        Self::Busy,
        Self::Missed,
        Self::Cancelled,
        Self::Ended,
    ];

    /// Whether nothing can come after it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Ringing | Self::Answered | Self::Connected)
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Connected => "connected",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
        }
    }
}

/// Why a call is over, where its state does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Somebody hung up.
    HungUp,
    /// A device was heard of no more.
    Lost,
    /// It went on for longer than a call may.
    TooLong,
}

impl EndReason {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HungUp => "hung_up",
            Self::Lost => "lost",
            Self::TooLong => "too_long",
        }
    }
}

/// A person on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Party {
    /// The person.
    pub uid: Uid,
    /// The device.
    pub device: DeviceHandle,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who has called.
    Caller,
    /// Who was called.
    Callee,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEvent {
    /// A device of the one who is called answers.
    Accept(DeviceHandle),
    /// A device of the one who is called declines.
    Reject(DeviceHandle),
    /// A device of the one who is called is in another call.
    Busy(DeviceHandle),
    /// A device hangs up.
    HangUp(Side, DeviceHandle),
    /// A device hears the other one.
    Connect(Side, DeviceHandle),
    /// Another device of the same person takes the call over.
    Transfer(Side, DeviceHandle),
    /// A device was heard of no more for too long.
    Lose(Side, DeviceHandle),
    /// Somebody looks whether its time is over.
    Expire,
}

/// What came of an event that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The call changed: it is to be kept and told.
    Moved,
    /// It was so before.
    Repeated,
}

/// Why an event was not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallRefusal {
    /// It is over.
    #[error("this call is over")]
    Over,
    /// Another device of the same person has answered.
    #[error("another device of yours has this call")]
    Taken,
    /// Only possible after an answer.
    #[error("nobody has answered this call yet")]
    NotAnswered,
    /// The device has no part in it.
    #[error("this device is not in this call")]
    NotInCall,
    /// Its time is not over.
    #[error("the time of this call is not over yet")]
    NotYet,
}

/// A call of two people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectCall {
    /// Who has called, and the device that is in the call for them.
    pub caller: Party,
    /// Who was called.
    pub callee: Uid,
    /// The device that answered, and is in the call for them.
    pub winner: Option<DeviceHandle>,
    /// Where it stands.
    pub state: CallState,
    /// Why it is over.
    pub reason: Option<EndReason>,
    /// When it began.
    pub began: Timestamp,
    /// Until when it may ring.
    pub rings_until: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When the two first heard each other.
    pub connected: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl DirectCall {
    /// A call that rings.
    pub fn ringing(caller: Party, callee: Uid, now: Timestamp, rings_for: Duration) -> Self {
        Self {
            caller,
            callee,
            winner: None,
            state: CallState::Ringing,
            reason: None,
            began: now,
            rings_until: now.plus(rings_for),
            answered: None,
            connected: None,
            ended: None,
        }
    }

    /// Which of the two a person is.
    pub fn side(&self, uid: Uid) -> Option<Side> {
        [Side::Caller, Side::Callee]
            .into_iter()
            .find(|side| self.person(*side) == uid)
    }

    /// Who is on that side.
    pub fn person(&self, side: Side) -> Uid {
        match side {
            Side::Caller => self.caller.uid,
            Side::Callee => self.callee,
        }
    }

    /// The device that is in the call on that side; none of the one who is called before an answer.
    pub fn device(&self, side: Side) -> Option<DeviceHandle> {
        match side {
            Side::Caller => Some(self.caller.device),
            Side::Callee => self.winner,
        }
    }

    /// The devices that are in the call now.
    pub fn parties(&self) -> Vec<Party> {
        if self.state.is_over() {
            return Vec::new();
        }
        let callee = self.winner.map(|device| Party {
            uid: self.callee,
            device,
        });
        std::iter::once(self.caller).chain(callee).collect()
    }

    /// When its time is over by itself.
    pub fn ends_by(&self) -> Option<Timestamp> {
        match (self.state, self.answered) {
            (CallState::Ringing, _) => Some(self.rings_until),
            (state, Some(answered)) if !state.is_over() => Some(answered.plus(LONGEST_CALL)),
            _ => None,
        }
    }

    /// For how long the two were in touch: from the answer to the end.
    pub fn duration(&self) -> Duration {
        match (self.answered, self.ended) {
            (Some(answered), Some(ended)) => ended.since(answered),
            _ => Duration::ZERO,
        }
    }

    /// Whether that device may say something within the call: the caller's to all who ring, each of these to the
    /// caller's, and after the answer the two that are in it to each other.
    pub fn may_signal(&self, side: Side, device: DeviceHandle) -> Result<(), CallRefusal> {
        match (self.state, side) {
            (state, _) if state.is_over() => Err(CallRefusal::Over),
            (CallState::Ringing, Side::Callee) => Ok(()),
            _ => self.takes_part(side, device),
        }
    }

    /// Lets something happen.
    pub fn apply(&mut self, event: CallEvent, now: Timestamp) -> Result<Step, CallRefusal> {
        if self.state.is_over() {
            // Both hang up, or a message is sent again: that is no mistake.
            return match event {
                CallEvent::HangUp(..) => Ok(Step::Repeated),
                _ => Err(CallRefusal::Over),
            };
        }
        match self.state {
            CallState::Ringing => self.while_ringing(event, now),
            _ => self.while_answered(event, now),
        }
    }

    fn while_ringing(&mut self, event: CallEvent, now: Timestamp) -> Result<Step, CallRefusal> {
        use CallState::{Busy, Cancelled, Missed, Rejected};
        match event {
            CallEvent::Accept(device) => self.answer(device, now),
            CallEvent::Connect(Side::Callee, device) => {
                // Who hears the other one has answered, whether or not they said so.
                self.answer(device, now)?;
                Ok(self.connect(now))
            }
            CallEvent::Reject(_) | CallEvent::HangUp(Side::Callee, _) => {
                Ok(self.end(Rejected, None, now))
            }
            CallEvent::Busy(_) => Ok(self.end(Busy, None, now)),
            CallEvent::HangUp(Side::Caller, device) => {
                self.takes_part(Side::Caller, device)?;
                Ok(self.end(Cancelled, None, now))
            }
            CallEvent::Lose(Side::Caller, device) => {
                self.takes_part(Side::Caller, device)?;
                Ok(self.end(Cancelled, Some(EndReason::Lost), now))
            }
            CallEvent::Lose(Side::Callee, _) => Err(CallRefusal::NotInCall),
            CallEvent::Expire if now >= self.rings_until => Ok(self.end(Missed, None, now)),
            CallEvent::Expire => Err(CallRefusal::NotYet),
            CallEvent::Connect(Side::Caller, _) | CallEvent::Transfer(Side::Callee, _) => {
                Err(CallRefusal::NotAnswered)
            }
            // Taking over one's own ringing is possible as well: it is the new device that will hear the answer.
            CallEvent::Transfer(Side::Caller, device) => Ok(self.hand_over(Side::Caller, device)),
        }
    }

    fn while_answered(&mut self, event: CallEvent, now: Timestamp) -> Result<Step, CallRefusal> {
        match event {
            CallEvent::Accept(device) => {
                self.takes_part(Side::Callee, device)?;
                Ok(Step::Repeated)
            }
            CallEvent::Reject(device) | CallEvent::Busy(device) => {
                self.takes_part(Side::Callee, device)?;
                Ok(self.end(CallState::Ended, Some(EndReason::HungUp), now))
            }
            CallEvent::HangUp(side, device) => {
                self.takes_part(side, device)?;
                Ok(self.end(CallState::Ended, Some(EndReason::HungUp), now))
            }
            CallEvent::Lose(side, device) => {
                self.takes_part(side, device)?;
                Ok(self.end(CallState::Ended, Some(EndReason::Lost), now))
            }
            CallEvent::Connect(side, device) => {
                self.takes_part(side, device)?;
                Ok(self.connect(now))
            }
            CallEvent::Transfer(side, device) => Ok(self.hand_over(side, device)),
            CallEvent::Expire if self.ends_by().is_some_and(|end| now >= end) => {
                Ok(self.end(CallState::Ended, Some(EndReason::TooLong), now))
            }
            CallEvent::Expire => Err(CallRefusal::NotYet),
        }
    }

    fn takes_part(&self, side: Side, device: DeviceHandle) -> Result<(), CallRefusal> {
        match (self.device(side), side) {
            (Some(own), _) if own == device => Ok(()),
            (_, Side::Callee) => Err(CallRefusal::Taken),
            (_, Side::Caller) => Err(CallRefusal::NotInCall),
        }
    }

    fn answer(&mut self, device: DeviceHandle, now: Timestamp) -> Result<Step, CallRefusal> {
        // Whoever looks when its time is over is later than an answer that comes too late.
        if now >= self.rings_until {
            return Err(CallRefusal::Over);
        }
        self.winner = Some(device);
        self.state = CallState::Answered;
        self.answered = Some(now);
        Ok(Step::Moved)
    }

    fn connect(&mut self, now: Timestamp) -> Step {
        if self.state == CallState::Connected {
            return Step::Repeated;
        }
        self.state = CallState::Connected;
        self.connected = Some(now);
        Step::Moved
    }

    fn hand_over(&mut self, side: Side, device: DeviceHandle) -> Step {
        if self.device(side) == Some(device) {
            return Step::Repeated;
        }
        match side {
            Side::Caller => self.caller.device = device,
            Side::Callee => self.winner = Some(device),
        }
        if self.state == CallState::Connected {
            // The new device has to find its own way to the other one.
            self.state = CallState::Answered;
        }
        Step::Moved
    }

    fn end(&mut self, state: CallState, reason: Option<EndReason>, now: Timestamp) -> Step {
        self.state = state;
        self.reason = reason;
        self.ended = Some(now);
        Step::Moved
    }
}

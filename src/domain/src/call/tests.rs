//! Every event in every state, and random orders of them beside a second, simpler account of what must hold.

use std::time::Duration;

use super::*;
use crate::{DeviceHandle, LogId, Timestamp, Uid};

const RING: Duration = Duration::from_secs(45);

fn device(n: u64) -> DeviceHandle {
    DeviceHandle::from_random(n * 2)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds))
}

fn party(uid: u64, n: u64) -> Party {
    Party {
        uid: Uid::from_random(uid),
        device: device(n),
    }
}

/// The caller has devices 1 and 2, the one who is called 11, 12 and 13.
fn ringing() -> DirectCall {
    DirectCall::ringing(party(1, 1), Uid::from_random(2), at(0), RING)
}

/// A call that device 11 has answered, in that state.
fn call_in(state: CallState) -> DirectCall {
    let mut call = ringing();
    let mut apply = |event, seconds| call.apply(event, at(seconds)).unwrap();
    match state {
        CallState::Ringing => {}
        CallState::Answered => {
            apply(CallEvent::Accept(device(11)), 1);
        }
        CallState::Connected => {
            apply(CallEvent::Accept(device(11)), 1);
            apply(CallEvent::Connect(Side::Callee, device(11)), 2);
        }
        CallState::Rejected => {
            apply(CallEvent::Reject(device(12)), 1);
        }
        CallState::Busy => {
            apply(CallEvent::Busy(device(12)), 1);
        }
        CallState::Missed => {
            apply(CallEvent::Expire, 45);
        }
        CallState::Cancelled => {
            apply(CallEvent::HangUp(Side::Caller, device(1)), 1);
        }
        CallState::Ended => {
            apply(CallEvent::Accept(device(11)), 1);
            apply(CallEvent::HangUp(Side::Callee, device(11)), 2);
        }
    }
    assert_eq!(call.state, state);
    call
}

/// What each event does in each state: the state after it, or the refusal.
fn table() -> Vec<(CallState, CallEvent, Result<CallState, CallRefusal>)> {
    use CallEvent::{Accept, Busy, Connect, Expire, HangUp, Lose, Reject, Transfer};
    use CallRefusal::{NotAnswered, NotInCall, NotYet, Over, Taken};
    use CallState as S;
    use Side::{Callee, Caller};
    let (own, other, won, lost) = (device(1), device(2), device(11), device(12));
    let mut rows = vec![
        (S::Ringing, Accept(won), Ok(S::Answered)),
        (S::Ringing, Reject(lost), Ok(S::Rejected)),
        (S::Ringing, Busy(lost), Ok(S::Busy)),
        (S::Ringing, HangUp(Caller, own), Ok(S::Cancelled)),
        (S::Ringing, HangUp(Caller, other), Err(NotInCall)),
        (S::Ringing, HangUp(Callee, lost), Ok(S::Rejected)),
        (S::Ringing, Connect(Callee, won), Ok(S::Connected)),
        (S::Ringing, Connect(Caller, own), Err(NotAnswered)),
        (S::Ringing, Transfer(Caller, other), Ok(S::Ringing)),
        (S::Ringing, Transfer(Callee, lost), Err(NotAnswered)),
        (S::Ringing, Lose(Caller, own), Ok(S::Cancelled)),
        (S::Ringing, Lose(Caller, other), Err(NotInCall)),
        (S::Ringing, Lose(Callee, won), Err(NotInCall)),
        (S::Ringing, Expire, Err(NotYet)),
    ];
    for state in [S::Answered, S::Connected] {
        rows.extend([
            (state, Accept(won), Ok(state)),
            (state, Accept(lost), Err(Taken)),
            (state, Reject(won), Ok(S::Ended)),
            (state, Reject(lost), Err(Taken)),
            (state, Busy(won), Ok(S::Ended)),
            (state, Busy(lost), Err(Taken)),
            (state, HangUp(Caller, own), Ok(S::Ended)),
            (state, HangUp(Caller, other), Err(NotInCall)),
            (state, HangUp(Callee, won), Ok(S::Ended)),
            (state, HangUp(Callee, lost), Err(Taken)),
            (state, Connect(Caller, own), Ok(S::Connected)),
            (state, Connect(Caller, other), Err(NotInCall)),
            (state, Connect(Callee, won), Ok(S::Connected)),
            (state, Connect(Callee, lost), Err(Taken)),
            (state, Transfer(Caller, own), Ok(state)),
            (state, Transfer(Caller, other), Ok(S::Answered)),
            (state, Transfer(Callee, won), Ok(state)),
            (state, Transfer(Callee, lost), Ok(S::Answered)),
            (state, Lose(Caller, own), Ok(S::Ended)),
            (state, Lose(Caller, other), Err(NotInCall)),
            (state, Lose(Callee, won), Ok(S::Ended)),
            (state, Lose(Callee, lost), Err(Taken)),
            (state, Expire, Err(NotYet)),
        ]);
    }
    let all = [
        Accept(won),
        Reject(won),
        Busy(won),
        Connect(Caller, own),
        Connect(Callee, won),
        Transfer(Caller, other),
        Transfer(Callee, lost),
        Lose(Caller, own),
        Lose(Callee, won),
        Expire,
    ];
    for state in CallState::ALL.into_iter().filter(|state| state.is_over()) {
        rows.extend(all.map(|event| (state, event, Err(Over))));
        // Both hang up at once, or twice.
        rows.push((state, HangUp(Caller, own), Ok(state)));
        rows.push((state, HangUp(Callee, won), Ok(state)));
    }
    rows
}

#[test]
fn every_event_has_its_answer_in_every_state() {
    for (state, event, expected) in table() {
        let mut call = call_in(state);
        let before = call.clone();
        let done = call.apply(event, at(3)).map(|_| call.state);
        assert_eq!(done, expected, "{event:?} in {state:?}");
        if expected.is_err() {
            assert_eq!(call, before, "a refused {event:?} changes nothing");
        }
    }
}

#[test]
fn the_table_leaves_nothing_out() {
    let kind = |event: &CallEvent| match event {
        CallEvent::Accept(_) => 0,
        CallEvent::Reject(_) => 1,
        CallEvent::Busy(_) => 2,
        CallEvent::HangUp(Side::Caller, _) => 3,
        CallEvent::HangUp(Side::Callee, _) => 4,
        CallEvent::Connect(Side::Caller, _) => 5,
        CallEvent::Connect(Side::Callee, _) => 6,
        CallEvent::Transfer(Side::Caller, _) => 7,
        CallEvent::Transfer(Side::Callee, _) => 8,
        CallEvent::Lose(Side::Caller, _) => 9,
        CallEvent::Lose(Side::Callee, _) => 10,
        CallEvent::Expire => 11,
    };
    for state in CallState::ALL {
        for wanted in 0..=11 {
            let found = table()
                .iter()
                .any(|(s, event, _)| *s == state && kind(event) == wanted);
            assert!(found, "event {wanted} in {state:?}");
        }
    }
}

#[test]
fn an_answer_that_comes_too_late_is_none() {
    let mut call = ringing();
    let late = call.apply(CallEvent::Accept(device(11)), at(45));
    assert_eq!(late, Err(CallRefusal::Over));
    assert_eq!(call.apply(CallEvent::Expire, at(45)), Ok(Step::Moved));
    assert_eq!(call.state, CallState::Missed);
}

#[test]
fn a_call_that_is_forgotten_ends() {
    let mut call = call_in(CallState::Connected);
    let end = call.ends_by().unwrap();
    assert_eq!(end, at(1).plus(LONGEST_CALL));
    assert_eq!(call.apply(CallEvent::Expire, end), Ok(Step::Moved));
    assert_eq!(call.state, CallState::Ended);
    assert_eq!(call.reason, Some(EndReason::TooLong));
    assert_eq!(call.duration(), LONGEST_CALL);
}

/// Not for secrets: the same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn side(&mut self) -> (Side, DeviceHandle) {
        if self.next(2) == 0 {
            (Side::Caller, device(1 + self.next(2)))
        } else {
            (Side::Callee, device(11 + self.next(3)))
        }
    }

    fn event(&mut self) -> CallEvent {
        let callee = device(11 + self.next(3));
        let (side, device) = self.side();
        match self.next(12) {
            0..=2 => CallEvent::Accept(callee),
            3 => CallEvent::Reject(callee),
            4 => CallEvent::Busy(callee),
            5 => CallEvent::HangUp(side, device),
            6 | 7 => CallEvent::Connect(side, device),
            8 | 9 => CallEvent::Transfer(side, device),
            10 => CallEvent::Lose(side, device),
            _ => CallEvent::Expire,
        }
    }
}

/// What an onlooker notes of a call, knowing nothing of how it is kept.
#[derive(Default)]
struct Onlooker {
    /// Answers that were taken.
    winners: Vec<DeviceHandle>,
    /// Devices that took the call over on the side of the one who is called.
    takeovers: Vec<DeviceHandle>,
    end: Option<CallState>,
}

impl Onlooker {
    fn watch(&mut self, event: CallEvent, before: &DirectCall, after: &DirectCall, step: Step) {
        if let Some(end) = self.end {
            assert_eq!(after.state, end, "an end is for ever");
            assert!(matches!(event, CallEvent::HangUp(..)) && step == Step::Repeated);
            return;
        }
        let answers = before.state == CallState::Ringing && !after.state.is_over();
        match event {
            CallEvent::Accept(device) | CallEvent::Connect(Side::Callee, device)
                if answers && step == Step::Moved =>
            {
                self.winners.push(device);
            }
            CallEvent::Transfer(Side::Callee, device) => self.takeovers.push(device),
            _ => {}
        }
        assert!(self.winners.len() <= 1, "two winners");
        let holders = self.winners.iter().chain(&self.takeovers).last();
        assert_eq!(after.winner, holders.copied());
        if after.state.is_over() {
            assert!(after.ended.is_some() && after.parties().is_empty());
            self.end = Some(after.state);
            let answered = !self.winners.is_empty();
            assert_eq!(
                after.state == CallState::Ended,
                answered,
                "{:?}",
                after.state
            );
            return;
        }
        assert!(
            after.ended.is_none() && after.ends_by().is_some(),
            "it would never end"
        );
        assert_eq!(after.parties().len(), 1 + self.winners.len());
        let rank = |state| match state {
            CallState::Ringing => 0,
            _ => 1,
        };
        assert!(rank(after.state) >= rank(before.state), "it rings again");
    }
}

#[test]
fn whatever_happens_in_whatever_order_one_wins_and_it_ends() {
    for seed in 0..20_000 {
        let mut chance = Chance(seed);
        let mut call = ringing();
        let mut onlooker = Onlooker::default();
        let mut now = at(0);
        for _ in 0..25 {
            now = now.plus(Duration::from_secs(chance.next(12)));
            let event = chance.event();
            let before = call.clone();
            match call.apply(event, now) {
                Ok(step) => {
                    onlooker.watch(event, &before, &call, step);
                    if step == Step::Repeated {
                        assert_eq!(call, before, "a repeated {event:?} changes nothing");
                    }
                }
                Err(_) => assert_eq!(call, before, "a refused {event:?} changes nothing"),
            }
            if call.state == CallState::Ringing && now >= call.rings_until {
                assert_eq!(call.apply(CallEvent::Expire, now), Ok(Step::Moved));
                onlooker.end = Some(call.state);
            }
        }
        // Whatever is left of it ends when its time is over.
        if let Some(end) = call.ends_by() {
            assert_eq!(call.apply(CallEvent::Expire, end), Ok(Step::Moved));
        }
        assert!(call.state.is_over(), "seed {seed}");
        // It reads back as it was kept.
        let text = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<DirectCall>(&text).unwrap(), call);
    }
}

#[test]
fn two_answers_at_once_have_one_winner_in_either_order() {
    for (first, second) in [(11, 12), (12, 11)] {
        let mut call = ringing();
        call.apply(CallEvent::Accept(device(first)), at(1)).unwrap();
        let late = call.apply(CallEvent::Accept(device(second)), at(1));
        assert_eq!(late, Err(CallRefusal::Taken));
        assert_eq!(call.winner, Some(device(first)));
    }
}

#[test]
fn who_may_say_something_within_a_call() {
    let ringing = ringing();
    assert_eq!(ringing.may_signal(Side::Caller, device(1)), Ok(()));
    assert_eq!(ringing.may_signal(Side::Callee, device(12)), Ok(()));
    let aside = ringing.may_signal(Side::Caller, device(2));
    assert_eq!(aside, Err(CallRefusal::NotInCall));
    let answered = call_in(CallState::Answered);
    assert_eq!(answered.may_signal(Side::Callee, device(11)), Ok(()));
    let aside = answered.may_signal(Side::Callee, device(12));
    assert_eq!(aside, Err(CallRefusal::Taken));
    let over = call_in(CallState::Missed);
    assert_eq!(
        over.may_signal(Side::Caller, device(1)),
        Err(CallRefusal::Over)
    );
}

#[test]
fn a_chats_call_is_joined_by_eight_and_ends_with_the_last() {
    let mut call = GroupCall::begun(LogId::from_random(9), party(1, 1), at(0));
    assert_eq!(call.ends_by(), Some(at(300)), "alone");
    for n in 2..=8 {
        assert_eq!(call.join(party(n, n), at(n)), Ok(Joining::New));
    }
    assert_eq!(call.join(party(9, 9), at(9)), Ok(Joining::Full));
    assert_eq!(call.join(party(3, 3), at(9)), Ok(Joining::Repeated));
    assert_eq!(
        call.join(party(3, 33), at(9)),
        Ok(Joining::Moved(device(3)))
    );
    assert_eq!(call.takes_part(party(3, 3)), Err(CallRefusal::Taken));
    assert_eq!(call.leave(party(9, 9), at(9)), Err(CallRefusal::NotInCall));
    for joined in call.joined.clone() {
        call.leave(joined.party, at(20)).unwrap();
    }
    assert!(call.is_over());
    assert_eq!(call.duration(), Duration::from_secs(20));
    assert_eq!(call.everybody.len(), 8);
    assert_eq!(call.join(party(1, 1), at(21)), Err(CallRefusal::Over));
}

#[test]
fn random_comings_and_goings_of_a_chats_call() {
    for seed in 0..5_000 {
        let mut chance = Chance(seed);
        let mut call = GroupCall::begun(LogId::from_random(9), party(1, 1), at(0));
        let mut inside = vec![party(1, 1)];
        for step in 1..60 {
            let who = party(1 + chance.next(12), 0);
            let who = Party {
                device: device(chance.next(2) + 1),
                ..who
            };
            if chance.next(3) > 0 {
                match call.join(who, at(step)) {
                    Ok(Joining::New) => inside.push(who),
                    Ok(Joining::Moved(_)) => {
                        inside.retain(|p| p.uid != who.uid);
                        inside.push(who);
                    }
                    Ok(Joining::Repeated) => assert!(inside.contains(&who)),
                    Ok(Joining::Full) => assert_eq!(inside.len(), MAX_GROUP_CALL),
                    Err(refusal) => assert_eq!(refusal, CallRefusal::Over),
                }
            } else {
                let left = call.leave(who, at(step));
                assert_eq!(left.is_ok(), inside.contains(&who), "seed {seed}");
                inside.retain(|p| *p != who);
            }
            let mut joined: Vec<Party> = call.joined.iter().map(|j| j.party).collect();
            joined.sort_unstable();
            inside.sort_unstable();
            assert_eq!(joined, inside);
            assert_eq!(call.is_over(), inside.is_empty());
            assert_eq!(
                call.alone_since.is_some(),
                inside.len() == 1 || call.is_over() && call.alone_since.is_some()
            );
        }
        if let Some(end) = call.ends_by() {
            assert_eq!(call.expire(end), Ok(()));
        }
        assert!(call.is_over() && call.ends_by().is_none());
    }
}

#[test]
fn ids_and_reports_are_checked() {
    assert!(
        "936da01f-9abd-4d9d-80c7-02af85c822a8"
            .parse::<CallId>()
            .is_ok()
    );
    for bad in [
        "",
        "00000000-0000-0000-0000-000000000000",
        "936da01f9abd4d9d80c702af85c822a8",
        "x",
    ] {
        assert!(bad.parse::<CallId>().is_err(), "{bad}");
    }
    assert_ne!(CallId::from_random(1, 2), CallId::from_random(2, 1));
    assert!(CallQuality::new(0.5, 12.0, 80.0, Some(CandidateType::Relay)).is_ok());
    for (loss, jitter, rtt) in [
        (101.0, 0.0, 0.0),
        (-1.0, 0.0, 0.0),
        (0.0, 60_001.0, 0.0),
        (0.0, 0.0, f64::NAN),
    ] {
        assert!(CallQuality::new(loss, jitter, rtt, None).is_err());
    }
}

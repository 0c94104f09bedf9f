//! What calls that are to be made once were answered: bounded in number and bytes, apart from everything else, so that
//! nobody's answers push out tickets and limits.

use std::collections::{BTreeMap, HashMap};

use melo_domain::Timestamp;

/// Calls at most.
const MOST: usize = 50_000;
/// Their answers at most, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What is known of a call that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: it is the first one of its name.
    First,
    /// The same call has begun, and is not answered yet.
    UnderWay,
    /// Another call has this name.
    Other,
    /// It was answered.
    Done(Vec<u8>),
}

#[derive(Debug)]
struct Kept {
    turn: u64,
    request: String,
    answer: Option<Vec<u8>>,
    expires: Timestamp,
}

/// Calls and their answers. When there is no room the oldest answers go; calls that are under way stay.
#[derive(Debug)]
pub(crate) struct Answers {
    kept: HashMap<String, Kept>,
    turns: BTreeMap<u64, String>,
    next: u64,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl Default for Answers {
    fn default() -> Self {
        Self::bounded(MOST, MOST_BYTES)
    }
}

impl Answers {
    fn bounded(most: usize, most_bytes: usize) -> Self {
        Self {
            kept: HashMap::new(),
            turns: BTreeMap::new(),
            next: 0,
            bytes: 0,
            most,
            most_bytes,
        }
    }

    /// Begins a call. `None`: there is no room.
    pub fn begin(
        &mut self,
        name: &str,
        request: &str,
        expires: Timestamp,
        now: Timestamp,
    ) -> Option<Begun> {
        if let Some(kept) = self.kept.get(name).filter(|kept| kept.expires > now) {
            return Some(match &kept.answer {
                _ if kept.request != request => Begun::Other,
                Some(answer) => Begun::Done(answer.clone()),
                None => Begun::UnderWay,
            });
        }
        self.remove(name);
        while self.kept.len() >= self.most {
            self.give_up_one(now)?;
        }
        let kept = Kept {
            turn: self.next,
            request: request.to_owned(),
            answer: None,
            expires,
        };
        self.turns.insert(self.next, name.to_owned());
        self.next += 1;
        self.kept.insert(name.to_owned(), kept);
        Some(Begun::First)
    }

    /// Keeps the answer of a call that has begun.
    pub fn finish(&mut self, name: &str, answer: Vec<u8>, expires: Timestamp, now: Timestamp) {
        let Some(kept) = self.kept.get_mut(name) else {
            return;
        };
        self.bytes += answer.len();
        kept.expires = expires;
        let before = kept.answer.replace(answer);
        self.bytes -= before.map_or(0, |before| before.len());
        while self.bytes > self.most_bytes && self.give_up_one(now).is_some() {}
    }

    /// Forgets a call; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(kept) = self.kept.remove(name) else {
            return false;
        };
        self.turns.remove(&kept.turn);
        self.bytes -= kept.answer.map_or(0, |answer| answer.len());
        true
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Timestamp) {
        let over = self.kept.iter().filter(|(_, kept)| kept.expires <= now);
        let over: Vec<String> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            self.remove(&name);
        }
    }

    fn give_up_one(&mut self, now: Timestamp) -> Option<()> {
        let goes = |name: &&String| {
            let kept = self.kept.get(*name);
            kept.is_none_or(|kept| kept.answer.is_some() || kept.expires <= now)
        };
        let oldest = self.turns.values().find(goes)?.clone();
        self.remove(&oldest).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000_000);

    fn begin(answers: &mut Answers, name: &str) -> Option<Begun> {
        answers.begin(name, "request", LATER, NOW)
    }

    #[test]
    fn a_call_is_first_then_under_way_then_done_and_forgotten_in_time() {
        let mut answers = Answers::default();
        assert_eq!(begin(&mut answers, "a"), Some(Begun::First));
        assert_eq!(begin(&mut answers, "a"), Some(Begun::UnderWay));
        let other = answers.begin("a", "another request", LATER, NOW);
        assert_eq!(other, Some(Begun::Other));
        answers.finish("a", vec![1], LATER, NOW);
        assert_eq!(begin(&mut answers, "a"), Some(Begun::Done(vec![1])));
        let other = answers.begin("a", "another request", LATER, NOW);
        assert_eq!(other, Some(Begun::Other));
        let late = answers.begin("a", "another request", LATER, LATER);
        assert_eq!(late, Some(Begun::First));
        assert!(answers.remove("a") && !answers.remove("a"));
        assert_eq!(begin(&mut answers, "a"), Some(Begun::First));
        answers.sweep(LATER);
        assert!(answers.kept.is_empty() && answers.turns.is_empty() && answers.bytes == 0);
    }

    #[test]
    fn the_oldest_answers_make_room_and_calls_under_way_stay() {
        let mut answers = Answers::bounded(3, 100);
        for name in ["under way", "old", "new"] {
            begin(&mut answers, name).unwrap();
        }
        assert_eq!(begin(&mut answers, "one more"), None, "all are under way");
        answers.finish("old", vec![0; 60], LATER, NOW);
        answers.finish("new", vec![0; 40], LATER, NOW);
        assert_eq!(begin(&mut answers, "one more"), Some(Begun::First));
        assert_eq!(begin(&mut answers, "under way"), Some(Begun::UnderWay));
        assert_eq!(answers.bytes, 40);
        // By bytes as well: the answer that is too much for all of it goes itself.
        answers.finish("one more", vec![0; 101], LATER, NOW);
        assert_eq!(answers.bytes, 0);
        assert_eq!(answers.kept.len(), 1);
    }
}

//! Entries in this process's memory: bounded, gone with the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use melo_domain::{Clock, Timestamp};
use parking_lot::Mutex;

use crate::agenda::Agenda;
use crate::answers::{Answers, Begun};
use crate::backend::{Backend, BackendError, Claim};
use crate::leases::Leases;
use crate::quota::{Quota, Spent, Window};
use crate::strikes::{Strike, StrikeRule, Strikes};

/// Entries at most. Reached only under attack; then what has expired goes first.
const MAX_ENTRIES: usize = 200_000;
/// The part of the counters that goes, the shortest-lived first, when nothing has expired: limits of a minute
/// before lockouts of a day.
const GIVEN_UP: usize = 10;

#[derive(Debug)]
enum Content {
    Value(Vec<u8>),
    Claimed,
    Window(Window),
    Strikes(Strikes),
    Leases(Leases),
}

#[derive(Debug)]
struct Entry {
    content: Content,
    expires: Timestamp,
}

type Entries = HashMap<String, Entry>;

/// The in-process store.
pub struct InProcess {
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
    answers: Mutex<Answers>,
    agendas: Mutex<HashMap<String, Agenda>>,
    most: usize,
}

impl InProcess {
    /// An empty store on that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
            answers: Mutex::default(),
            agendas: Mutex::default(),
            most: MAX_ENTRIES,
        }
    }

    /// Drops what has expired. Called now and then, so that memory follows use.
    pub fn sweep(&self) {
        let now = self.clock.now();
        self.answers.lock().sweep(now);
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.expires > now);
        if entries.len() < entries.capacity() / 4 {
            entries.shrink_to_fit();
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entries, Timestamp) -> T) -> T {
        act(&mut self.entries.lock(), self.clock.now())
    }

    /// Makes sure that one more entry fits. Values and claims are never given up: a ticket that was handed out
    /// must work, and what was used up must stay used up.
    fn make_room(&self, entries: &mut Entries, now: Timestamp) -> Result<(), BackendError> {
        if entries.len() < self.most {
            return Ok(());
        }
        entries.retain(|_, entry| entry.expires > now);
        if entries.len() < self.most {
            return Ok(());
        }
        let counts = |entry: &Entry| {
            matches!(entry.content, Content::Window(_) | Content::Strikes(_))
                .then_some(entry.expires)
        };
        let mut ends: Vec<Timestamp> = entries.values().filter_map(counts).collect();
        if ends.is_empty() {
            return Err(BackendError::Full);
        }
        let last = ends.len() / GIVEN_UP;
        let (_, last, _) = ends.select_nth_unstable(last);
        let last = *last;
        entries.retain(|_, entry| counts(entry).is_none_or(|expires| expires > last));
        Ok(())
    }

    /// The entry of that name if it is of the right kind and not over, or a new one.
    fn entry<'e>(
        &self,
        entries: &'e mut Entries,
        name: &str,
        now: Timestamp,
        fits: impl Fn(&Content) -> bool,
        fresh: impl FnOnce() -> Content,
    ) -> Result<&'e mut Entry, BackendError> {
        let live = |entry: &Entry| entry.expires > now && fits(&entry.content);
        if !entries.get(name).is_some_and(live) {
            self.make_room(entries, now)?;
            let entry = Entry {
                content: fresh(),
                expires: now,
            };
            entries.insert(name.to_owned(), entry);
        }
        entries.get_mut(name).ok_or(BackendError::Full)
    }
}

#[async_trait]
impl Backend for InProcess {
    async fn put(&self, name: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BackendError> {
        self.with(|entries, now| {
            self.make_room(entries, now)?;
            let entry = Entry {
                content: Content::Value(value),
                expires: now.plus(ttl),
            };
            entries.insert(name.to_owned(), entry);
            Ok(())
        })
    }

    async fn take(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        self.answers.lock().remove(name);
        Ok(self.with(|entries, now| {
            let entry = entries.remove(name).filter(|entry| entry.expires > now)?;
            match entry.content {
                Content::Value(value) => Some(value),
                _ => None,
            }
        }))
    }

    async fn claim(&self, name: &str, ttl: Duration) -> Result<Claim, BackendError> {
        self.with(|entries, now| {
            if let Some(entry) = entries.get(name).filter(|entry| entry.expires > now) {
                return Ok(Claim::Taken(entry.expires.since(now)));
            }
            self.make_room(entries, now)?;
            let entry = Entry {
                content: Content::Claimed,
                expires: now.plus(ttl),
            };
            entries.insert(name.to_owned(), entry);
            Ok(Claim::First)
        })
    }

    async fn begin(&self, name: &str, request: &str, ttl: Duration) -> Result<Begun, BackendError> {
        let now = self.clock.now();
        let begun = self.answers.lock().begin(name, request, now.plus(ttl), now);
        begun.ok_or(BackendError::Full)
    }

    async fn finish(&self, name: &str, answer: Vec<u8>, ttl: Duration) -> Result<(), BackendError> {
        let now = self.clock.now();
        self.answers.lock().finish(name, answer, now.plus(ttl), now);
        Ok(())
    }

    async fn spend(&self, name: &str, quota: &Quota) -> Result<Spent, BackendError> {
        self.with(|entries, now| {
            let fits = |content: &Content| matches!(content, Content::Window(_));
            let fresh = || Content::Window(Window::starting(now));
            let entry = self.entry(entries, name, now, fits, fresh)?;
            let Content::Window(window) = &mut entry.content else {
                return Err(BackendError::Full);
            };
            let spent = window.spend(quota, now);
            entry.expires = window.expires(quota);
            Ok(spent)
        })
    }

    async fn strike(&self, name: &str, rule: &StrikeRule) -> Result<Strike, BackendError> {
        self.with(|entries, now| {
            let fits = |content: &Content| matches!(content, Content::Strikes(_));
            let fresh = || Content::Strikes(Strikes::none(now));
            let entry = self.entry(entries, name, now, fits, fresh)?;
            let Content::Strikes(strikes) = &mut entry.content else {
                return Err(BackendError::Full);
            };
            let (strike, remembered) = strikes.strike(rule, now);
            entry.expires = remembered.unwrap_or(entry.expires);
            Ok(strike)
        })
    }

    async fn excuse(&self, name: &str) -> Result<(), BackendError> {
        self.with(|entries, now| {
            if let Some(Entry {
                content: Content::Strikes(strikes),
                ..
            }) = entries.get_mut(name)
            {
                strikes.excuse(now);
            }
        });
        Ok(())
    }

    async fn barred(&self, name: &str) -> Result<Duration, BackendError> {
        Ok(self.with(|entries, now| match entries.get(name) {
            Some(Entry {
                content: Content::Strikes(strikes),
                ..
            }) => strikes.barred(now),
            _ => Duration::ZERO,
        }))
    }

    async fn lease(
        &self,
        name: &str,
        holder: &str,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), BackendError> {
        self.with(|entries, now| {
            let fits = |content: &Content| matches!(content, Content::Leases(_));
            let fresh = || Content::Leases(Leases::default());
            let entry = self.entry(entries, name, now, fits, fresh)?;
            let Content::Leases(leases) = &mut entry.content else {
                return Err(BackendError::Full);
            };
            leases.expire(now);
            leases.keep(holder, value, now.plus(ttl));
            entry.expires = leases.last().unwrap_or(now);
            Ok(())
        })
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), BackendError> {
        self.with(|entries, now| {
            if let Some(Entry {
                content: Content::Leases(leases),
                expires,
            }) = entries.get_mut(name)
            {
                leases.end(holder);
                *expires = leases.last().unwrap_or(now);
                if leases.last().is_none() {
                    entries.remove(name);
                }
            }
        });
        Ok(())
    }

    async fn leases(&self, names: &[String]) -> Result<Vec<Vec<(String, Vec<u8>)>>, BackendError> {
        Ok(self.with(|entries, now| {
            let held = names.iter().map(|name| match entries.get(name) {
                Some(Entry {
                    content: Content::Leases(leases),
                    ..
                }) => leases.live(now),
                _ => Vec::new(),
            });
            held.collect()
        }))
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.with(|entries, now| value_of(entries, name, now).map(<[u8]>::to_vec)))
    }

    async fn swap(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: Option<Vec<u8>>,
        ttl: Duration,
    ) -> Result<bool, BackendError> {
        self.with(|entries, now| {
            if value_of(entries, name, now) != expected {
                return Ok(false);
            }
            let Some(value) = value else {
                entries.remove(name);
                return Ok(true);
            };
            if !entries.contains_key(name) {
                self.make_room(entries, now)?;
            }
            let entry = Entry {
                content: Content::Value(value),
                expires: now.plus(ttl),
            };
            entries.insert(name.to_owned(), entry);
            Ok(true)
        })
    }

    async fn schedule(
        &self,
        agenda: &str,
        member: &str,
        at: Timestamp,
    ) -> Result<(), BackendError> {
        let mut agendas = self.agendas.lock();
        agendas
            .entry(agenda.to_owned())
            .or_default()
            .put(member, at, self.most)
    }

    async fn due(
        &self,
        agenda: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, BackendError> {
        let agendas = self.agendas.lock();
        Ok(agendas
            .get(agenda)
            .map(|agenda| agenda.due(now, limit))
            .unwrap_or_default())
    }

    async fn strike_off(&self, agenda: &str, member: &str) -> Result<(), BackendError> {
        if let Some(agenda) = self.agendas.lock().get_mut(agenda) {
            agenda.strike_off(member);
        }
        Ok(())
    }
}

/// The value of that name, if there is one and its time is not over.
fn value_of<'e>(entries: &'e Entries, name: &str, now: Timestamp) -> Option<&'e [u8]> {
    match entries.get(name) {
        Some(Entry {
            content: Content::Value(value),
            expires,
        }) if *expires > now => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);
    const QUOTA: Quota = Quota {
        count: 2,
        per: MINUTE,
        block: Duration::ZERO,
    };
    const RULE: StrikeRule = StrikeRule {
        limit: 2,
        first: MINUTE,
        longest: Duration::from_secs(3600),
        memory: MINUTE,
    };

    fn store() -> (Arc<ManualClock>, InProcess) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let store = InProcess::new(Arc::clone(&clock) as Arc<dyn Clock>);
        (clock, store)
    }

    #[tokio::test]
    async fn a_value_is_taken_once_and_expires() {
        let (clock, store) = store();
        store.put("a", vec![1], MINUTE).await.unwrap();
        assert_eq!(store.take("a").await.unwrap(), Some(vec![1]));
        assert_eq!(store.take("a").await.unwrap(), None);
        store.put("a", vec![2], MINUTE).await.unwrap();
        clock.advance(MINUTE);
        assert_eq!(store.take("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_name_is_claimed_once_until_that_is_forgotten() {
        let (clock, store) = store();
        let claim = async |name: &str| store.claim(name, MINUTE).await.unwrap();
        assert_eq!(claim("c").await, Claim::First);
        assert_eq!(claim("c").await, Claim::Taken(MINUTE));
        assert_eq!(claim("d").await, Claim::First);
        clock.advance(MINUTE / 3);
        assert_eq!(claim("c").await, Claim::Taken(2 * MINUTE / 3));
        clock.advance(2 * MINUTE / 3);
        assert_eq!(claim("c").await, Claim::First);
    }

    #[tokio::test]
    async fn of_those_who_expect_the_same_one_changes_it() {
        let (clock, store) = store();
        assert!(
            !store
                .swap("s", Some(&[1]), Some(vec![2]), MINUTE)
                .await
                .unwrap()
        );
        assert!(store.swap("s", None, Some(vec![1]), MINUTE).await.unwrap());
        assert!(!store.swap("s", None, Some(vec![9]), MINUTE).await.unwrap());
        assert!(
            store
                .swap("s", Some(&[1]), Some(vec![2]), MINUTE)
                .await
                .unwrap()
        );
        assert!(
            !store
                .swap("s", Some(&[1]), Some(vec![3]), MINUTE)
                .await
                .unwrap()
        );
        assert_eq!(store.get("s").await.unwrap(), Some(vec![2]));
        assert_eq!(store.get("s").await.unwrap(), Some(vec![2]), "it stays");
        assert!(store.swap("s", Some(&[2]), None, MINUTE).await.unwrap());
        assert_eq!(store.get("s").await.unwrap(), None);
        store.put("s", vec![4], MINUTE).await.unwrap();
        clock.advance(MINUTE);
        assert_eq!(store.get("s").await.unwrap(), None);
        assert!(store.swap("s", None, Some(vec![5]), MINUTE).await.unwrap());
    }

    #[tokio::test]
    async fn an_agenda_tells_what_is_due_until_it_is_struck_off() {
        let (clock, store) = store();
        let now = clock.now();
        store
            .schedule("a", "late", now.plus(2 * MINUTE))
            .await
            .unwrap();
        store.schedule("a", "soon", now.plus(MINUTE)).await.unwrap();
        store.schedule("a", "moved", now).await.unwrap();
        store
            .schedule("a", "moved", now.plus(3 * MINUTE))
            .await
            .unwrap();
        let due = async |minutes: u32, limit| {
            store
                .due("a", now.plus(minutes * MINUTE), limit)
                .await
                .unwrap()
        };
        assert_eq!(due(0, 9).await, [""; 0]);
        assert_eq!(due(2, 9).await, ["soon", "late"]);
        assert_eq!(due(9, 1).await, ["soon"], "and no more than asked for");
        store.strike_off("a", "soon").await.unwrap();
        store.strike_off("a", "nothing").await.unwrap();
        assert_eq!(due(9, 9).await, ["late", "moved"]);
        assert_eq!(store.due("b", now, 9).await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn quotas_are_of_their_name_and_slide() {
        let (clock, store) = store();
        for refused in [false, false, true] {
            assert_eq!(store.spend("q", &QUOTA).await.unwrap().refused, refused);
        }
        assert!(!store.spend("other", &QUOTA).await.unwrap().refused);
        clock.advance(MINUTE);
        assert!(store.spend("q", &QUOTA).await.unwrap().refused);
        clock.advance(MINUTE / 2);
        assert!(!store.spend("q", &QUOTA).await.unwrap().refused);
        assert!(store.spend("q", &QUOTA).await.unwrap().refused);
    }

    #[tokio::test]
    async fn strikes_close_a_door_and_are_forgotten_after_a_while() {
        let (clock, store) = store();
        let noted = Strike::Noted;
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(None));
        assert_eq!(store.barred("s").await.unwrap(), Duration::ZERO);
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(Some(MINUTE)));
        let barred = Strike::Barred(MINUTE);
        assert_eq!(store.strike("s", &RULE).await.unwrap(), barred);
        assert_eq!(store.barred("s").await.unwrap(), MINUTE);
        clock.advance(MINUTE);
        let doubled = noted(Some(2 * MINUTE));
        assert_eq!(store.strike("s", &RULE).await.unwrap(), doubled);
        clock.advance(3 * MINUTE);
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(None));
        // Fewer than the limit are forgotten after the first delay.
        clock.advance(MINUTE);
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(None));
        store.excuse("s").await.unwrap();
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(None));
        store.take("s").await.unwrap();
        assert_eq!(store.strike("s", &RULE).await.unwrap(), noted(None));
    }

    #[tokio::test]
    async fn when_it_is_full_short_counters_make_room_and_values_stay() {
        let (_, mut store) = store();
        store.most = 40;
        let day = Quota {
            per: Duration::from_secs(24 * 3600),
            ..QUOTA
        };
        for n in 0..20 {
            store.spend(&format!("day {n}"), &day).await.unwrap();
        }
        store
            .put("value", vec![1], Duration::from_secs(1))
            .await
            .unwrap();
        for n in 0..2000 {
            store.spend(&format!("minute {n}"), &QUOTA).await.unwrap();
        }
        assert!(store.entries.lock().len() <= 40);
        assert_eq!(store.spend("day 7", &day).await.unwrap().remaining, 0);
        assert_eq!(store.take("value").await.unwrap(), Some(vec![1]));
    }

    #[tokio::test]
    async fn values_alone_fill_it_for_good() {
        let (_, mut store) = store();
        store.most = 3;
        for n in 0..3 {
            store.put(&n.to_string(), vec![], MINUTE).await.unwrap();
        }
        let full = store.put("one more", vec![], MINUTE).await;
        assert_eq!(full, Err(BackendError::Full));
    }

    #[tokio::test]
    async fn each_holder_has_its_own_time_and_the_others_stay() {
        let (clock, store) = store();
        let held = async |store: &InProcess| {
            let names = ["p".to_owned(), "nobody".to_owned()];
            let mut all = store.leases(&names).await.unwrap();
            assert_eq!(all.pop(), Some(Vec::new()));
            let mut values: Vec<Vec<u8>> = all.remove(0).into_iter().map(|(_, v)| v).collect();
            values.sort();
            values
        };
        store.lease("p", "one", vec![1], MINUTE).await.unwrap();
        store.lease("p", "two", vec![2], 2 * MINUTE).await.unwrap();
        assert_eq!(held(&store).await, [[1], [2]]);
        store.lease("p", "one", vec![3], MINUTE).await.unwrap();
        assert_eq!(held(&store).await, [[2], [3]]);
        clock.advance(MINUTE);
        store.sweep();
        assert_eq!(held(&store).await, [[2]], "a holder that is gone");
        store.lease("p", "one", vec![4], MINUTE).await.unwrap();
        store.end_lease("p", "two").await.unwrap();
        store.end_lease("p", "two").await.unwrap();
        assert_eq!(held(&store).await, [[4]]);
        store.end_lease("p", "one").await.unwrap();
        assert_eq!(store.entries.lock().len(), 0);
    }

    #[tokio::test]
    async fn sweeping_forgets_only_what_is_over() {
        let (clock, store) = store();
        store.put("old", vec![], MINUTE).await.unwrap();
        clock.advance(MINUTE);
        store.put("new", vec![7], MINUTE).await.unwrap();
        store.sweep();
        assert_eq!(store.entries.lock().len(), 1);
        assert_eq!(store.take("new").await.unwrap(), Some(vec![7]));
    }
}

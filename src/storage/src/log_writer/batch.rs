//! One batch: numbering, repetition, commit.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use melo_domain::{DeviceHandle, EventKind, LogEvent, LogId, Seq, Timestamp};
use sea_orm::sea_query::Cond;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, TransactionTrait};
use uuid::Uuid;

use super::follow_up::{follow_up, has_follow_up};
use super::rows::{insert_rows, single_statement};
use super::{AppendError, Appended, Guard, NewEvent, Target};
use crate::entity::events::{Column, Entity};
use crate::{StorageError, Store};

/// Logs whose last number is remembered. Above it the memory is simply emptied: it is only a cache.
const REMEMBERED_LOGS: usize = 100_000;
/// How often a batch is numbered anew before it is given up; each time another writer was faster.
const RETRIES: u32 = 8;
/// Before each of these but the first, times its number.
const PAUSE: Duration = Duration::from_millis(5);

/// What became of one event of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is on disk.
    Written(LogEvent),
    /// It was there before.
    Repeated(Appended),
    /// It was not written.
    Refused(AppendError),
}

type Key = (DeviceHandle, Uuid);

fn key_of(event: &NewEvent) -> Option<Key> {
    Some((event.device?, event.client_id?))
}

/// What is decided of an event before the insert.
enum Plan {
    Write,
    /// Same as an earlier event of this batch.
    SameAs(usize),
    Settled(Outcome),
}

/// What is remembered of a log. A change of members by anybody else takes a number, which the primary key refuses us
/// then: so as long as our numbers fit, what is remembered here is true.
#[derive(Debug, Clone, Copy)]
struct Known {
    last: Seq,
    members_seq: Seq,
    removed_seq: Seq,
}

/// A batch that has its numbers.
struct Numbered {
    /// What is to be inserted.
    events: Vec<LogEvent>,
    /// The same, as they were asked for.
    asked: Vec<NewEvent>,
    known: HashMap<LogId, Known>,
}

pub(super) struct BatchWriter {
    store: Store,
    known: HashMap<LogId, Known>,
}

impl BatchWriter {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            known: HashMap::new(),
        }
    }

    /// Commits a batch and tells, in its order, what became of each event.
    pub(super) async fn commit(
        &mut self,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, StorageError> {
        if self.known.len() > REMEMBERED_LOGS {
            self.known.clear();
        }
        // The usual batch holds no repetition and meets no other writer: it costs one statement. Only when the
        // database refuses it are earlier events looked up, and the numbers taken and used in one transaction.
        let mut plans = plan(&events, &HashMap::new());
        let mut attempt = 0;
        let written = loop {
            let tried = if attempt == 0 {
                self.write_at_once(&events, &mut plans, now).await
            } else {
                self.write_in_turn(&events, &mut plans, now).await
            };
            match tried {
                Ok(written) => break written,
                Err(error) if is_contention(&error) && attempt < RETRIES => {
                    for event in &events {
                        self.known.remove(&event.log);
                    }
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                    let earlier = self.earlier(&events).await?;
                    plans = plan(&events, &earlier);
                }
                Err(error) => return Err(error),
            }
        };
        self.known.extend(written.known);
        Ok(finish(&mut plans, written.events))
    }

    /// Numbers from memory where there is one.
    async fn write_at_once(
        &self,
        events: &[NewEvent],
        plans: &mut [Plan],
        now: Timestamp,
    ) -> Result<Numbered, StorageError> {
        let (db, keys) = (self.store.db.write(), &self.store.keys);
        let numbered = self.number(db, events, plans, now).await?;
        let rows = numbered.events.len();
        let one_statement = single_statement(rows) && !has_follow_up(&numbered.asked);
        if rows > 0 && !one_statement {
            let tx = db.begin().await?;
            insert_rows(&tx, keys, &numbered.events).await?;
            follow_up(&tx, keys, &numbered.asked, &numbered.events).await?;
            tx.commit().await?;
        } else {
            insert_rows(db, keys, &numbered.events).await?;
        }
        Ok(numbered)
    }

    /// Numbers from the database, in the transaction that uses them. The embedded database lets nobody in
    /// between; on a database server the logs' rows are locked, in one order for all.
    async fn write_in_turn(
        &self,
        events: &[NewEvent],
        plans: &mut [Plan],
        now: Timestamp,
    ) -> Result<Numbered, StorageError> {
        let keys = &self.store.keys;
        let tx = self.store.db.begin().await?;
        let logs: BTreeSet<LogId> = events.iter().map(|event| event.log).collect();
        for log in logs {
            crate::logs::lock(&tx, log).await?;
        }
        let numbered = self.number(&tx, events, plans, now).await?;
        insert_rows(&tx, keys, &numbered.events).await?;
        follow_up(&tx, keys, &numbered.asked, &numbered.events).await?;
        tx.commit().await?;
        Ok(numbered)
    }

    /// Gives each event its number; one whose sender has lost the right to it is refused instead.
    async fn number(
        &self,
        conn: &impl ConnectionTrait,
        events: &[NewEvent],
        plans: &mut [Plan],
        now: Timestamp,
    ) -> Result<Numbered, StorageError> {
        let mut numbered = Numbered {
            events: Vec::with_capacity(events.len()),
            asked: Vec::with_capacity(events.len()),
            known: HashMap::new(),
        };
        for (event, plan) in events.iter().zip(plans) {
            if !matches!(plan, Plan::Write) {
                continue;
            }
            let known = numbered.known.get(&event.log);
            let mut known = match known.or_else(|| self.known.get(&event.log)) {
                Some(known) => *known,
                None => read_known(conn, event.log).await?,
            };
            if let Some(guard) = event.guard.filter(|g| g.members_seq < known.members_seq)
                && let Some(refused) = judge(conn, event, guard, known).await?
            {
                numbered.known.insert(event.log, known);
                *plan = Plan::Settled(self.refuse(conn, event, refused).await?);
                continue;
            }
            if is_target_gone(conn, event, &numbered.asked).await? {
                numbered.known.insert(event.log, known);
                *plan = Plan::Settled(self.refuse(conn, event, AppendError::TargetGone).await?);
                continue;
            }
            known.last += 1;
            numbered.known.insert(event.log, known);
            numbered
                .events
                .push(event.clone().at_position(known.last, now));
            numbered.asked.push(event.clone());
        }
        Ok(numbered)
    }

    /// What would be refused now may have been taken before: then its first answer stands.
    async fn refuse(
        &self,
        conn: &impl ConnectionTrait,
        event: &NewEvent,
        refused: AppendError,
    ) -> Result<Outcome, StorageError> {
        let Some((device, client_id)) = key_of(event) else {
            return Ok(Outcome::Refused(refused));
        };
        let keys = &self.store.keys;
        let first = crate::events::by_client_id(conn, keys, device, client_id).await?;
        Ok(match first.filter(|first| first.log == event.log) {
            Some(first) => Outcome::Repeated(Appended::from(&first)),
            None => Outcome::Refused(refused),
        })
    }

    /// Events that the senders of this batch have sent before under the same ids.
    async fn earlier(&self, events: &[NewEvent]) -> Result<HashMap<Key, Appended>, StorageError> {
        let keys: Vec<Key> = events.iter().filter_map(key_of).collect();
        let mut found = HashMap::new();
        for chunk in keys.chunks(100) {
            let mut any = Cond::any();
            for (device, client_id) in chunk {
                any = any.add(
                    Cond::all()
                        .add(Column::Device.eq(device.to_i64()))
                        .add(Column::ClientId.eq(client_id.as_bytes().to_vec())),
                );
            }
            let rows = Entity::find()
                .filter(any)
                .all(self.store.db.write())
                .await?;
            for row in &rows {
                let event = crate::events::open(&self.store.keys, row)?;
                if let (Some(device), Some(client_id)) = (event.device, event.client_id) {
                    found.insert((device, client_id), Appended::from(&event));
                }
            }
        }
        Ok(found)
    }
}

async fn read_known(conn: &impl ConnectionTrait, log: LogId) -> Result<Known, StorageError> {
    let bounds = crate::logs::bounds(conn, log).await?;
    Ok(Known {
        last: bounds.last_seq,
        members_seq: bounds.members_seq,
        removed_seq: bounds.removed_seq,
    })
}

/// The members have changed since the sender's right was judged: does it still hold?
async fn judge(
    conn: &impl ConnectionTrait,
    event: &NewEvent,
    guard: Guard,
    known: Known,
) -> Result<Option<AppendError>, StorageError> {
    if !crate::logs::is_member(conn, event.log, event.sender).await? {
        return Ok(Some(AppendError::NotMember));
    }
    let stale = guard.key_seq.is_some_and(|seq| seq < known.removed_seq);
    Ok(stale.then_some(AppendError::StaleKey))
}

/// Whether the event that this one concerns has been erased, in the database or by an event before this one in its batch.
/// Whoever erases it after this look takes a number of the log, and this event is looked at once more.
async fn is_target_gone(
    conn: &impl ConnectionTrait,
    event: &NewEvent,
    before: &[NewEvent],
) -> Result<bool, StorageError> {
    let Some(target) = event.target else {
        return Ok(false);
    };
    let erases = |other: &NewEvent| {
        other.log == event.log && other.target == Some(Target::Erases(target.seq()))
    };
    if before.iter().any(erases) {
        return Ok(true);
    }
    let header = crate::events::header(conn, event.log, target.seq()).await?;
    Ok(header.is_none_or(|header| header.kind == EventKind::Erased))
}

/// Whether another writer was in the way.
fn is_contention(error: &StorageError) -> bool {
    error.is_unique_violation() || error.is_rolled_back()
}

fn plan(events: &[NewEvent], known: &HashMap<Key, Appended>) -> Vec<Plan> {
    let mut in_batch: HashMap<Key, usize> = HashMap::new();
    let mut plans = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        let Some(key) = key_of(event) else {
            plans.push(Plan::Write);
            continue;
        };
        let refused = || Plan::Settled(Outcome::Refused(AppendError::ClientIdReused));
        plans.push(match (known.get(&key), in_batch.get(&key)) {
            (Some(first), _) if first.log == event.log => Plan::Settled(Outcome::Repeated(*first)),
            (None, Some(first)) if events.get(*first).is_some_and(|e| e.log == event.log) => {
                Plan::SameAs(*first)
            }
            (Some(_), _) | (None, Some(_)) => refused(),
            (None, None) => {
                in_batch.insert(key, index);
                Plan::Write
            }
        });
    }
    plans
}

fn finish(plans: &mut Vec<Plan>, written: Vec<LogEvent>) -> Vec<Outcome> {
    let mut written = written.into_iter();
    let mut answers: Vec<Result<Appended, AppendError>> = Vec::with_capacity(plans.len());
    let mut outcomes = Vec::with_capacity(plans.len());
    for plan in plans.drain(..) {
        let outcome = match plan {
            Plan::Settled(outcome) => outcome,
            Plan::SameAs(first) => match answers.get(first) {
                Some(Ok(first)) => Outcome::Repeated(*first),
                Some(Err(refused)) => Outcome::Refused(*refused),
                None => Outcome::Refused(AppendError::Storage),
            },
            Plan::Write => match written.next() {
                Some(event) => Outcome::Written(event),
                None => Outcome::Refused(AppendError::Storage),
            },
        };
        answers.push(match &outcome {
            Outcome::Written(event) => Ok(Appended::from(event)),
            Outcome::Repeated(first) => Ok(*first),
            Outcome::Refused(refused) => Err(*refused),
        });
        outcomes.push(outcome);
    }
    outcomes
}

//! Everybody who takes part: connected, told what to write, and sent home.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use melo_domain::{LogId, Seq};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::member::{Member, Phase, Planned, Writing};
use super::shared::Shared;
use super::{Plan, turn};
use crate::fail::Failure;
use crate::gather;
use crate::run::message::{Frames, To};
use crate::run::nanos;
use crate::snapshot::{Chat, Snapshot};
use crate::wire::Dialer;

type Newest = HashMap<LogId, Seq>;

/// Connections that are being served.
pub(super) struct Crowd {
    tasks: JoinSet<Result<Newest, Failure>>,
    phase: watch::Sender<Phase>,
    /// Where the logs stood at the beginning.
    base: Newest,
    pub connections: usize,
}

impl Crowd {
    /// Signs in and connects all members of the chats. Their connections are served from the first moment on.
    pub(super) async fn gather(
        snapshot: &Snapshot,
        chats: &[Chat],
        plan: &Plan,
        shared: &Rc<Shared>,
    ) -> Result<Self, Failure> {
        let mut parts = parts(chats, plan, shared)?;
        let people = gather::sign_in(snapshot, parts.keys().copied()).await?;
        let (phase, _) = watch::channel(Phase::Waiting);
        let mut crowd = Self {
            tasks: JoinSet::new(),
            phase,
            base: HashMap::new(),
            connections: 0,
        };
        let ack_within = nanos(plan.ack_within);
        let share = ack_within / 2 / people.len().max(1) as u64;
        let dialer = Dialer::new(&snapshot.target)?;
        gather::connect(&dialer, &people, |connected| {
            let part = parts.remove(&connected.user).unwrap_or_default();
            for (log, _) in &part.chats {
                let stands = connected.cursors.get(log).copied().unwrap_or(0);
                let base = crowd.base.entry(*log).or_insert(0);
                *base = stands.max(*base);
            }
            // Spread out: clocks of different people do not strike together.
            let ack_within = ack_within / 2 + share * crowd.connections as u64;
            let phase = crowd.phase.subscribe();
            let member = Member::new(
                connected,
                &part.chats,
                part.writing,
                ack_within,
                Rc::clone(shared),
                phase,
            );
            crowd.tasks.spawn_local(member.run());
            crowd.connections += 1;
            Ok(())
        })
        .await?;
        Ok(crowd)
    }

    /// Tells everybody how far the run is.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Ends it; by how many events the chats' logs have grown.
    pub(super) async fn leave(&mut self, shared: &Shared) -> u64 {
        self.enter(Phase::Over);
        let mut newest = Newest::new();
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(places)) => {
                    for (log, seq) in places {
                        let known = newest.entry(log).or_insert(0);
                        *known = seq.max(*known);
                    }
                }
                Ok(Err(failure)) => shared.lost_connection(&failure),
                Err(error) => shared.lost_connection(&Failure::Server(error.to_string())),
            }
        }
        let grown = |(log, seq): (&LogId, &Seq)| {
            let newest = newest.get(log).copied().unwrap_or(*seq);
            newest.saturating_sub(*seq)
        };
        self.base.iter().map(grown).sum()
    }
}

/// What one person has to do with the chats.
#[derive(Default)]
struct Part {
    /// Those they are in, and whether they write there.
    chats: Vec<(LogId, bool)>,
    writing: Writing,
}

/// By the people's indices. The owner of each chat writes.
fn parts(chats: &[Chat], plan: &Plan, shared: &Shared) -> Result<BTreeMap<usize, Part>, Failure> {
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    let mut places = HashMap::new();
    for chat in chats {
        for user in chat.range() {
            let part = parts.entry(user).or_default();
            part.chats.push((chat.log, user == chat.first));
        }
        let writing = &mut parts.entry(chat.first).or_default().writing;
        places.insert(chat.log, writing.chats.len());
        let frames = Frames::new(
            To::Chat(chat.log),
            chat.log,
            shared.mark,
            plan.size as usize,
        )?;
        writing.chats.push(frames);
    }
    for number in 0..shared.planned() {
        let Some(chat) = turn(number, chats) else {
            continue;
        };
        let place = places.get(&chat.log).copied().unwrap_or(0);
        let writing = &mut parts.entry(chat.first).or_default().writing;
        writing.messages.push(Planned {
            number,
            chat: place,
        });
    }
    Ok(parts)
}

//! Reading what a device has missed, page by page: on connecting, after `resume`, after a gap.

use bytestring::ByteString;
use melo_domain::{LogId, LogKind, Seq};
use melo_protocol::frame::Reset;
use melo_storage::{chat_members, logs};

use super::place::Place;
use super::session::{LiveError, LiveSession};
use crate::messages;

/// A frame to write.
#[derive(Debug)]
pub struct Outgoing {
    /// The frame.
    pub frame: ByteString,
    /// Where the device is in which log once it has the frame; none for `synced`.
    pub mark: Option<(LogId, Seq)>,
}

impl LiveSession {
    /// Whether there is something to read or to say.
    pub fn has_backlog(&self) -> bool {
        self.owes_synced || self.looks_again || !self.backlog.is_empty()
    }

    /// The next frames to write, in order; the last page after connecting or `resume` ends with `synced`.
    pub async fn next_page(&mut self) -> Result<Vec<Outgoing>, LiveError> {
        if std::mem::take(&mut self.looks_again) {
            self.load_places().await?;
        }
        let Some(log) = self.backlog.front().copied() else {
            let owed = std::mem::take(&mut self.owes_synced);
            let synced = || Outgoing {
                frame: self.synced(),
                mark: None,
            };
            return Ok(owed.then(synced).into_iter().collect());
        };
        let mut frames = Vec::new();
        let complete = self.read_page(log, &mut frames).await?;
        if complete {
            self.backlog.pop_front_if(|front| *front == log);
            if let Some(place) = self.places.get_mut(&log) {
                place.behind = false;
            }
        }
        Ok(frames)
    }

    /// Reads one page of `log`; says whether the device has caught up there.
    async fn read_page(
        &mut self,
        log: LogId,
        frames: &mut Vec<Outgoing>,
    ) -> Result<bool, LiveError> {
        let Some(mut place) = self.places.get(&log).copied() else {
            return Ok(true);
        };
        if place.is_before_first() {
            begin_at(log, &mut place, frames);
        }
        let page = if place.sent < place.heard {
            let (pages, store) = (&self.core.pages, &self.core.store);
            pages.after(store, log, place.kind, place.sent).await?
        } else {
            Vec::new()
        };
        let first = page.first().map(|first| first.event().seq);
        let gap = first.map_or(place.has_more(), |first| first > place.sent + 1);
        if gap && place.kind.is_chat() && !self.is_member(log).await? {
            // With what is gone went the event of their leaving.
            self.leave(log);
            return Ok(true);
        }
        if let Some(first) = first {
            if gap {
                // What lay between was taken away since the places were looked at.
                place.first = place.first.max(first);
                begin_at(log, &mut place, frames);
            }
        } else if place.has_more() {
            // Everything after the cursor may be gone, or the cursor may lie beyond the end.
            let bounds = logs::bounds(self.core.store.db.read(), log).await?;
            place.first = place.first.max(bounds.pruned_seq + 1);
            if place.is_before_first() {
                begin_at(log, &mut place, frames);
            }
            // A cursor beyond the end is taken back to it, or the next events would look like old ones.
            place.sent = place.sent.min(bounds.last_seq);
            place.heard = bounds.last_seq;
        }
        let caller = self.caller.uid;
        // Whoever was taken out of a chat sees that, and nothing behind it.
        let mut leave = page.iter().position(|live| self.is_own_leave(live.event()));
        if let Some(live) = leave.and_then(|at| page.get(at))
            && self.reads_on(log, live.event().seq).await?
        {
            leave = None;
        }
        let (page, out) = match leave {
            Some(at) => (page.get(..=at).unwrap_or_default(), true),
            None => (page.as_slice(), false),
        };
        let own = page.iter().any(|live| self.is_own(live.event()));
        let peer = if place.kind == LogKind::Direct && own {
            messages::peer_of(&self.core, caller, log).await?
        } else {
            None
        };
        for live in page {
            frames.push(Outgoing {
                frame: self.replay(live, peer.unwrap_or(caller)),
                mark: Some((log, live.event().seq)),
            });
            place.pass(live.event(), caller);
        }
        place.hear(place.sent);
        self.places.insert(log, place);
        if out {
            self.leave(log);
            return Ok(true);
        }
        if !page.is_empty() {
            self.unconfirmed.sent(log, place.sent);
        }
        Ok(!place.has_more())
    }

    /// Whether the person is back in a chat that they left with the event `left`, and is let read what was before.
    async fn reads_on(&self, log: LogId, left: Seq) -> Result<bool, LiveError> {
        let db = self.core.store.db.read();
        let member = chat_members::find(db, log, self.caller.uid).await?;
        Ok(member.is_some_and(|member| member.from_seq <= left))
    }

    async fn is_member(&self, log: LogId) -> Result<bool, LiveError> {
        let db = self.core.store.db.read();
        Ok(logs::is_member(db, log, self.caller.uid).await?)
    }
}

/// Tells that the log begins later for this device than where it is.
fn begin_at(log: LogId, place: &mut Place, frames: &mut Vec<Outgoing>) {
    let reset = Reset {
        log,
        first_seq: place.first,
    };
    place.restart(place.first.saturating_sub(1));
    place.hear(place.sent);
    frames.push(Outgoing {
        frame: serde_json::to_string(&reset).unwrap_or_default().into(),
        mark: Some((log, place.sent)),
    });
}

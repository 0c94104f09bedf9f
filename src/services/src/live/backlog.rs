//! Reading what a device has missed, page by page: on connecting, after `resume`, after a gap.

use std::sync::Arc;

use bytestring::ByteString;
use melo_domain::{LogEvent, LogId, LogKind, Seq};
use melo_protocol::frame::Reset;
use melo_storage::{chat_members, events, logs};

use super::session::{LiveError, LiveSession, Place};
use crate::messages;

/// Events read at once.
const PAGE: u64 = 100;
/// Bytes of messages read at once, so that a backlog of large ones is not held in memory as a whole.
const PAGE_BYTES: usize = 1 << 20;

impl LiveSession {
    /// Whether there is something to read or to say.
    pub fn has_backlog(&self) -> bool {
        self.owes_synced || self.looks_again || !self.backlog.is_empty()
    }

    /// The next frames to write, in order; the last page after connecting or `resume` ends with `synced`.
    pub async fn next_page(&mut self) -> Result<Vec<ByteString>, LiveError> {
        if std::mem::take(&mut self.looks_again) {
            self.load_places().await?;
        }
        let Some(log) = self.backlog.front().copied() else {
            let owed = std::mem::take(&mut self.owes_synced);
            return Ok(if owed {
                vec![self.synced()]
            } else {
                Vec::new()
            });
        };
        let mut frames = Vec::new();
        let complete = self.read_page(log, &mut frames).await?;
        if complete {
            self.backlog.pop_front();
            if let Some(place) = self.places.get_mut(&log) {
                place.behind = false;
            }
        }
        Ok(frames)
    }

    /// Reads one page of `log`; says whether that was the end of it.
    async fn read_page(
        &mut self,
        log: LogId,
        frames: &mut Vec<ByteString>,
    ) -> Result<bool, LiveError> {
        let Some(Place { mut sent, kind, .. }) = self.places.get(&log).copied() else {
            return Ok(true);
        };
        let core = Arc::clone(&self.core);
        let (db, keys) = (core.store.db.read(), &core.store.keys);
        let page = events::after(db, keys, log, sent, PAGE, PAGE_BYTES).await?;
        let (mut page, mut caught_up) = (page.events, page.whole);
        let mut out = false;
        if kind.is_chat() {
            let before = self.keep_own_part(log, &mut page).await?;
            sent = sent.max(before.unwrap_or(0));
            out = before.is_none();
        }
        if let Some(first) = page.first().filter(|first| first.seq > sent + 1) {
            let reset = Reset {
                log,
                first_seq: first.seq,
            };
            frames.push(serde_json::to_string(&reset).unwrap_or_default().into());
        } else if page.is_empty() && !out {
            // Everything after the cursor may be gone, or the cursor may lie beyond the end.
            let bounds = logs::bounds(db, log).await?;
            if bounds.pruned_seq > sent {
                let reset = Reset {
                    log,
                    first_seq: bounds.pruned_seq + 1,
                };
                frames.push(serde_json::to_string(&reset).unwrap_or_default().into());
            }
            // An event may have been committed since the page was read: then it is read next. A cursor
            // beyond the end is taken back to it, or the next events would look like old ones.
            sent = sent.max(bounds.pruned_seq).min(bounds.last_seq);
            caught_up = sent == bounds.last_seq;
        }
        let caller = self.caller.uid;
        let peer = if kind == LogKind::Direct && page.iter().any(|event| self.is_own(event)) {
            messages::peer_of(&self.core, caller, log).await?
        } else {
            None
        };
        for event in &page {
            frames.push(self.replay(event, kind, peer.unwrap_or(caller)));
        }
        if out {
            self.leave(log);
            return Ok(true);
        }
        if let Some(place) = self.places.get_mut(&log) {
            place.sent = sent;
            for event in &page {
                place.pass(event, caller);
            }
            sent = place.sent;
        }
        if !page.is_empty() {
            self.unconfirmed.sent(log, sent);
        }
        Ok(caught_up)
    }

    /// Leaves of a page of a chat what is for this person; says what the last event is that is not, unless they are out
    /// of it. Asked after the page was read: who is in the chat now was in it when any of that was written, from their
    /// own first event on. Whoever was taken out sees that, and nothing behind it.
    async fn keep_own_part(
        &mut self,
        log: LogId,
        page: &mut Vec<LogEvent>,
    ) -> Result<Option<Seq>, LiveError> {
        let db = self.core.store.db.read();
        let Some(member) = chat_members::find(db, log, self.caller.uid).await? else {
            let leave = page.iter().position(|event| self.is_own_leave(event));
            page.truncate(leave.map_or(0, |at| at + 1));
            return Ok(None);
        };
        page.retain(|event| event.seq >= member.from_seq);
        let before = member.from_seq.saturating_sub(1);
        if let Some(place) = self.places.get_mut(&log) {
            place.before = before;
        }
        Ok(Some(before))
    }
}

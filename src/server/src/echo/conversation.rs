//! One call of the echo's.

use std::time::Duration;

use melo_client::client::{CallDeed, CallEvent, CallHeard, CallWords, Live};
use melo_client::phone::{CallNews, Phone, Voice};
use melo_domain::CallId;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What was said in a call and waits for it.
pub const WAITING: usize = 256;
/// Whoever has heard enough of themselves makes room for somebody else.
const AT_MOST: Duration = Duration::from_secs(180);

/// The call that something is about.
pub fn call_of(event: &CallEvent) -> Option<CallId> {
    match event {
        CallEvent::State(state) => Some(state.call_id),
        CallEvent::Heard(heard) => heard.call_id,
        CallEvent::Refused { call_id, .. } => Some(*call_id),
        CallEvent::Roster(_) | CallEvent::Record { .. } => None,
    }
}

/// There are as many calls as there may be.
pub fn decline(live: &Live, id: CallId, offer: &CallHeard) {
    let words = CallWords {
        call_id: id,
        target: Some(offer.from),
        chat: None,
        device: offer.device,
        media: None,
    };
    if live.call_line().act(&words, CallDeed::Busy).is_err() {
        tracing::warn!("the echo could not decline a call");
    }
}

/// A call that is answered.
pub struct Conversation {
    /// What it is answered with.
    pub phone: Phone,
    /// What is said about it.
    pub events: mpsc::Receiver<CallEvent>,
}

impl Conversation {
    /// Answers, and echoes until the call is over.
    pub async fn hold(mut self, offer: CallHeard) {
        let mut call = match self.phone.answer(offer, Voice::Echo).await {
            Ok(call) => call,
            Err(error) => {
                // Nothing of it but its kind: it may name the caller or an address.
                tracing::info!(kind = error.kind(), "the echo cannot answer a call");
                return;
            }
        };
        let mut until = Instant::now() + AT_MOST;
        loop {
            tokio::select! {
                news = call.next() => match news {
                    Some(CallNews::Over(..)) | None => return,
                    Some(_) => {}
                },
                Some(event) = self.events.recv() => call.hear(event),
                () = tokio::time::sleep_until(until) => {
                    call.hang_up().await;
                    until += AT_MOST;
                }
            }
        }
    }
}

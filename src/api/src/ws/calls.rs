//! Frames about calls, and the signs of life of a device that is in one.

use std::sync::Arc;

use melo_domain::{Area, CallId, Level, Scope};
use melo_protocol::frame::{CallAction, CallFrame, CallQualityFrame};
use melo_services::Core;
use melo_services::account::AuthError;
use melo_services::calls::{self, CallError, Done};
use melo_services::live::LiveSession;
use serde_json::json;
use tokio::time::Instant;

use super::connection::{Connection, End};
use super::dispatch::refused;

/// What a personal access token needs besides what opened the connection.
const CALLS: Scope = Scope {
    area: Area::Calls,
    level: Level::Write,
};

/// Calls that one device may be in at once; only the echo is in more than one.
const MOST: usize = 64;

/// The calls that the connection's device is in.
#[derive(Debug)]
pub(super) struct Attended {
    calls: Vec<CallId>,
    /// When to ask for a sign of life next.
    next: Instant,
    /// Whether anything came from the client since it was asked.
    heard: bool,
}

impl Attended {
    pub(super) fn new(core: &Core, call: CallId) -> Self {
        Self {
            calls: vec![call],
            next: Instant::now() + core.call_beat(),
            heard: false,
        }
    }

    fn add(&mut self, call: CallId) {
        if !self.calls.contains(&call) {
            // The oldest is over, or will be for this device's not saying that it is there.
            if self.calls.len() >= MOST {
                self.calls.remove(0);
            }
            self.calls.push(call);
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn hear(&mut self) {
        self.heard = true;
    }
}

impl Connection {
    pub(super) async fn call(
        &mut self,
        live: &LiveSession,
        frame: &CallFrame<'_>,
    ) -> Result<(), End> {
        if !live.caller().grant.allows(CALLS) {
            let refusal = AuthError::ScopeRequired(CALLS);
            return self.write(refused(refusal, frame.client_id)).await;
        }
        let core = Arc::clone(&self.core);
        match act(&core, live, frame).await {
            Ok(done) => {
                if let Some(call) = done.attends {
                    match &mut self.attended {
                        Some(attended) => attended.add(call),
                        None => self.attended = Some(Attended::new(&core, call)),
                    }
                }
                match done.answer {
                    Some(answer) => self.write(answer).await,
                    None => Ok(()),
                }
            }
            Err(error) => self.write(refused(error, frame.client_id)).await,
        }
    }

    pub(super) async fn call_quality(
        &mut self,
        live: &LiveSession,
        frame: CallQualityFrame,
    ) -> Result<(), End> {
        let CallQualityFrame {
            call_id,
            quality,
            client_id,
        } = frame;
        let done = calls::report_quality(&self.core, live.caller(), call_id, quality).await;
        match (done, client_id) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(id)) => {
                let noted = json!({"type": "call_quality", "call_id": call_id, "client_id": id});
                self.write(noted.to_string()).await
            }
            (Err(error), _) => self.write(refused(error, client_id)).await,
        }
    }

    /// What the device has to know of the call that its person is in.
    pub(super) async fn welcome_to_call(&mut self) -> Result<(), End> {
        let core = Arc::clone(&self.core);
        let welcome = match calls::welcome(&core, self.caller()).await {
            Ok(welcome) => welcome,
            Err(error) => {
                // The connection is good for everything else.
                tracing::error!(%error, "a connection could not be told of its call");
                return Ok(());
            }
        };
        self.attended = welcome.attends.map(|call| Attended::new(&core, call));
        for frame in welcome.frames {
            self.write(frame).await?;
        }
        Ok(())
    }

    /// The client has shown that it is there, or not; either way it is asked again.
    pub(super) async fn call_beat(&mut self) -> Result<(), End> {
        let core = Arc::clone(&self.core);
        let Some(attended) = &mut self.attended else {
            return Ok(());
        };
        attended.next = Instant::now() + core.call_beat();
        let heard = std::mem::take(&mut attended.heard);
        if heard {
            let mut still = Vec::new();
            for call in std::mem::take(&mut attended.calls) {
                match calls::attend(&core, self.caller(), call).await {
                    Ok(true) => still.push(call),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%error, "a sign of life could not be noted");
                        still.push(call);
                    }
                }
            }
            match &mut self.attended {
                Some(attended) if !still.is_empty() => attended.calls = still,
                _ => {
                    self.attended = None;
                    return Ok(());
                }
            }
        }
        self.ask_for_sign().await
    }

    /// The connection is over: the call may go on with a later one.
    pub(super) async fn leave_call(&mut self) {
        let attended = self.attended.take();
        for call in attended.map(|attended| attended.calls).unwrap_or_default() {
            if let Err(error) = calls::left(&self.core, self.caller(), call).await {
                tracing::error!(%error, "the end of a connection could not be noted in its call");
            }
        }
    }
}

/// One service call for each frame.
async fn act(core: &Core, live: &LiveSession, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let caller = live.caller();
    match frame.action {
        CallAction::Offer | CallAction::Start => calls::start(core, caller, frame).await,
        CallAction::Answer | CallAction::Candidate | CallAction::Signal => {
            calls::signal(core, caller, frame).await
        }
        CallAction::Accept => calls::accept(core, caller, frame).await,
        CallAction::Reject => calls::reject(core, caller, frame).await,
        CallAction::End | CallAction::EndState => calls::end(core, caller, frame).await,
        CallAction::Connected => calls::connect(core, caller, frame).await,
        CallAction::Join => calls::join(core, caller, frame).await,
        CallAction::Transfer => calls::transfer(core, caller, frame).await,
        CallAction::Speaking => calls::speak(core, caller, frame).await,
    }
}

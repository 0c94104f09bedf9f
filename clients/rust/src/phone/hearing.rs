//! What is heard about a call, and what it means for it: the server's word on where it stands, and the other device's on
//! how it can be reached. Only the latter is vouched for.

use melo_domain::DeviceHandle;
use melo_protocol::ErrorCode;
use melo_protocol::frame::{CallStateFrame, CallStatus};
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use super::session::{CONNECT_WITHIN, Session, Stage, Step, Vouched, failed, fingerprint, tell};
use super::{CallNews, Over};
use crate::client::{CallHeard, Plain};
use crate::crypto::call::Said;

impl Session {
    /// What the server says of the call.
    pub(super) async fn told(
        &mut self,
        state: &CallStateFrame<'_>,
        news: &mpsc::Sender<CallNews>,
    ) -> Step {
        match state.state {
            CallStatus::Ringing => {
                if self.is_caller {
                    tell(news, CallNews::Ringing).await;
                }
                Ok(())
            }
            CallStatus::Answered => self.answered(state.device, news).await,
            CallStatus::Connected => Ok(()),
            CallStatus::Transferred if state.from == self.peer => {
                // Their other device would have other keys, and another connection: this session has one.
                self.hang_up();
                Err(Over::State(state.state))
            }
            CallStatus::Ended
            | CallStatus::Cancelled
            | CallStatus::Rejected
            | CallStatus::Busy
            | CallStatus::Missed
            | CallStatus::Transferred
            | CallStatus::AnsweredElsewhere
            | CallStatus::DeclinedElsewhere => Err(Over::State(state.state)),
        }
    }

    async fn answered(
        &mut self,
        device: Option<DeviceHandle>,
        news: &mpsc::Sender<CallNews>,
    ) -> Step {
        if self.stage != Stage::Ringing {
            return Ok(());
        }
        self.stage = Stage::Answered;
        self.deadline = Instant::now() + CONNECT_WITHIN;
        tell(news, CallNews::Answered).await;
        if self.is_caller {
            self.words.device = device;
            return Ok(());
        }
        if let Some(sdp) = self.answer.take() {
            self.say(Said::Answer { sdp }).await?;
        }
        for candidate in std::mem::take(&mut self.ways) {
            self.say(Said::Candidate { candidate }).await?;
        }
        Ok(())
    }

    /// What somebody says in it.
    pub(super) async fn heard(&mut self, heard: CallHeard, news: &mpsc::Sender<CallNews>) -> Step {
        if !self.is_theirs(&heard) {
            return Ok(());
        }
        let is_plain = self.plain_form().is_some();
        let (said, proof) = match (heard.signal, heard.plain) {
            (Some(Ok((said, proof))), _) => (said, Vouched::By(proof)),
            (Some(Err(refusal)), _) => return self.disbelieve(refusal.to_string()),
            // A call that was begun sealed goes on sealed.
            (None, Some(Plain { said, object })) if is_plain => {
                (said, Vouched::ByNobody { object })
            }
            (None, _) => return Ok(()),
        };
        match said {
            Said::Answer { sdp } if self.is_caller && self.theirs.is_none() => {
                let fingerprint = fingerprint(&sdp).map_err(failed)?;
                self.theirs = Some((fingerprint, proof));
                self.words.device = heard.device;
                self.connection.accept(&sdp).await.map_err(failed)
            }
            Said::Answer { sdp } => {
                self.same_keys(&sdp)?;
                self.connection.accept(&sdp).await.map_err(failed)
            }
            // Another way, or hold: an offer within the call.
            Said::Offer { sdp } => {
                self.same_keys(&sdp)?;
                let sdp = self.connection.answer(&sdp).await.map_err(failed)?;
                self.say(Said::Answer { sdp }).await
            }
            Said::Candidate { candidate } => {
                // One that cannot be used is one way less.
                if self.connection.add_candidate(&candidate).await.is_err() {
                    tracing::debug!("a way to the other device was passed over");
                }
                Ok(())
            }
            Said::Status { hold, muted, .. } => {
                tell(news, CallNews::Status { hold, muted }).await;
                Ok(())
            }
        }
    }

    /// Whether the other person has said it, with the device that the call is with. The server says who is in a call; that
    /// somebody else's device is vouched for by somebody else does not make it a part of this one.
    fn is_theirs(&self, heard: &CallHeard) -> bool {
        let is_same = heard.device == self.words.device;
        heard.from == self.peer && (self.theirs.is_none() || is_same)
    }

    /// Within a call the keys stay the same: the code that was compared is theirs.
    fn same_keys(&self, sdp: &str) -> Step {
        let fingerprint = fingerprint(sdp).map_err(failed)?;
        match self.theirs {
            Some((theirs, _)) if theirs == fingerprint => Ok(()),
            _ => self.disbelieve("the keys of the call have changed".to_owned()),
        }
    }

    fn disbelieve(&self, why: String) -> Step {
        self.hang_up();
        Err(Over::Unbelieved(why))
    }

    /// Something of this device's was refused.
    pub(super) async fn refused(
        &mut self,
        client_id: Uuid,
        code: ErrorCode,
        detail: String,
    ) -> Step {
        if client_id != self.first {
            tracing::info!(code = code.as_str(), "something said in a call was refused");
            return Ok(());
        }
        if let (ErrorCode::DeviceMismatch, Some(sdp)) = (code, self.offer.take()) {
            // They have a device more, or one less; once.
            let said = Said::Offer { sdp };
            self.first = self
                .phone
                .line()
                .say(&self.words, said)
                .await
                .map_err(failed)?;
            return Ok(());
        }
        Err(Over::Refused { code, detail })
    }
}

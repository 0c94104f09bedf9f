//! One call: what is said about it and what happens to its connection, in one place and one after the other.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{CandidateType, Uid};
use melo_media::{MediaError, Peer, PeerEnds, PeerEvent, WayOptions};
use melo_protocol::frame::CallStatus;
use melo_protocol::rest::calls::QualityRequest;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::voice::{Ends, Voice, VoiceCounts};
use super::{CallNews, Over, Phone, PhoneError};
use crate::client::{CallDeed, CallEvent, CallWords, Plain, Proof};
use crate::crypto::call::{Fingerprint, Said};
use crate::rest::calls;

/// How long it may ring, should the server not say that it is over: more than that ever takes.
const RING_AT_MOST: Duration = Duration::from_secs(180);
/// How long the devices look for a way to each other.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(40);
/// How long the end of an interruption is waited for.
const RECOVER_WITHIN: Duration = Duration::from_secs(40);
/// How long the server's word is waited for after hanging up.
const PART_WITHIN: Duration = Duration::from_secs(5);
/// Ways to this device that wait for the answer to be said first.
const WAYS: usize = 64;

/// What a session is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    Heard(Box<CallEvent>),
    HangUp,
}

/// Which side of the call this device is on.
pub(super) enum Side {
    Caller,
    Callee { sdp: String, proof: Vouched },
}

/// Who vouches for the other device's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// Its person's identity.
    By(Proof),
    /// Nobody: an existing client, with descriptions of this form.
    ByNobody { object: bool },
}

/// How far the call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It rings, or the answer to it is on its way.
    Ringing,
    /// A way is looked for.
    Answered,
    Connected,
    /// This device has hung up.
    Parting,
}

pub(super) struct Session {
    pub(super) phone: Phone,
    pub(super) words: CallWords,
    pub(super) peer: Uid,
    pub(super) connection: Arc<Peer>,
    events: mpsc::Receiver<PeerEvent>,
    pub(super) stage: Stage,
    /// Until when something has to happen.
    pub(super) deadline: Instant,
    pub(super) is_caller: bool,
    /// The frame that began or answered the call: its refusal is the end.
    pub(super) first: Uuid,
    /// The caller's offer, to say it again when there is a device more.
    pub(super) offer: Option<String>,
    /// The callee's answer, once the server has taken the accept; and ways of this device until then.
    pub(super) answer: Option<String>,
    pub(super) ways: Vec<String>,
    own: Fingerprint,
    pub(super) theirs: Option<(Fingerprint, Vouched)>,
    connected: watch::Sender<bool>,
    played: Option<oneshot::Receiver<()>>,
    voice: JoinHandle<Result<VoiceCounts, MediaError>>,
}

/// What the loop goes on with.
pub(super) type Step = Result<(), Over>;

impl Session {
    pub(super) async fn begin(
        phone: &Phone,
        words: CallWords,
        peer: Uid,
        side: Side,
        ways: WayOptions,
        voice: Voice,
    ) -> Result<Self, PhoneError> {
        let (connection, ends) = Peer::new(ways).await?;
        let PeerEnds { events, sound } = ends;
        let connection = Arc::new(connection);
        let is_caller = matches!(side, Side::Caller);
        let (own, theirs, offer, answer, first) = match side {
            Side::Caller => {
                let sdp = connection.offer(false).await?;
                let own = fingerprint(&sdp)?;
                let said = Said::Offer { sdp: sdp.clone() };
                let first = phone.line().say(&words, said).await?;
                (own, None, Some(sdp), None, first)
            }
            Side::Callee { sdp, proof } => {
                let theirs = fingerprint(&sdp)?;
                let answer = connection.answer(&sdp).await?;
                let own = fingerprint(&answer)?;
                let first = phone.line().act(&words, CallDeed::Accept)?;
                (own, Some((theirs, proof)), None, Some(answer), first)
            }
        };
        let (connected, connected_receiver) = watch::channel(false);
        let (played_sender, played) = oneshot::channel();
        let voice = tokio::spawn(voice.run(Ends {
            peer: Arc::clone(&connection),
            sound,
            connected: connected_receiver,
            played: played_sender,
        }));
        Ok(Self {
            phone: phone.clone(),
            words,
            peer,
            connection,
            events,
            stage: Stage::Ringing,
            deadline: Instant::now() + RING_AT_MOST,
            is_caller,
            first,
            offer,
            answer,
            ways: Vec::new(),
            own,
            theirs,
            connected,
            played: Some(played),
            voice,
        })
    }

    /// Goes on until the call is over.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        news: mpsc::Sender<CallNews>,
    ) {
        let over = loop {
            let step = tokio::select! {
                order = orders.recv() => self.ordered(order, &news).await,
                Some(event) = self.events.recv() => self.moved(event, &news).await,
                () = played(&mut self.played) => {
                    tell(&news, CallNews::Played).await;
                    Ok(())
                }
                () = tokio::time::sleep_until(self.deadline) => self.too_late(),
            };
            if let Err(over) = step {
                break over;
            }
        };
        let counts = self.end(&over).await;
        tell(&news, CallNews::Over(over, counts)).await;
    }

    async fn ordered(&mut self, order: Option<Order>, news: &mpsc::Sender<CallNews>) -> Step {
        match order {
            Some(Order::Heard(event)) => match *event {
                CallEvent::State(state) => self.told(&state, news).await,
                CallEvent::Heard(heard) => self.heard(heard, news).await,
                CallEvent::Refused {
                    client_id,
                    code,
                    detail,
                    ..
                } => self.refused(client_id, code, detail).await,
                CallEvent::Roster(_) | CallEvent::Record { .. } => Ok(()),
            },
            // The application has lost interest: nobody waits for the server's word.
            None if self.stage == Stage::Parting => Err(Over::State(CallStatus::Ended)),
            Some(Order::HangUp) | None => {
                self.hang_up();
                if order.is_none() {
                    return Err(Over::State(CallStatus::Ended));
                }
                self.stage = Stage::Parting;
                self.deadline = Instant::now() + PART_WITHIN;
                Ok(())
            }
        }
    }

    pub(super) fn hang_up(&self) {
        if self.phone.line().act(&self.words, CallDeed::End).is_err() {
            tracing::info!("hanging up could not be said");
        }
    }

    fn too_late(&self) -> Step {
        Err(match self.stage {
            Stage::Ringing => Over::State(CallStatus::Missed),
            Stage::Answered | Stage::Connected => Over::NoWay,
            Stage::Parting => Over::State(CallStatus::Ended),
        })
    }

    /// The form of an existing client's descriptions, if the other device is one.
    pub(super) fn plain_form(&self) -> Option<bool> {
        match self.theirs {
            Some((_, Vouched::ByNobody { object })) => Some(object),
            _ => None,
        }
    }

    pub(super) async fn say(&self, said: Said) -> Step {
        if let Some(object) = self.plain_form() {
            let plain = Plain { said, object };
            let saying = self.phone.line().say_in_plain(&self.words, &plain);
            return saying.map(drop).map_err(failed);
        }
        let saying = self.phone.line().say(&self.words, said);
        saying.await.map(drop).map_err(failed)
    }

    async fn moved(&mut self, event: PeerEvent, news: &mpsc::Sender<CallNews>) -> Step {
        match event {
            PeerEvent::Candidate(candidate) => {
                if !self.is_caller && self.stage == Stage::Ringing {
                    if self.ways.len() < WAYS {
                        self.ways.push(candidate);
                    }
                    return Ok(());
                }
                self.say(Said::Candidate { candidate }).await
            }
            PeerEvent::Connected => self.connected(news).await,
            PeerEvent::Interrupted => {
                if self.stage == Stage::Connected {
                    self.deadline = Instant::now() + RECOVER_WITHIN;
                    tell(news, CallNews::Interrupted).await;
                    if self.is_caller {
                        // The caller looks for another way: two who did would get in each other's way.
                        let sdp = self.connection.offer(true).await.map_err(failed)?;
                        return self.say(Said::Offer { sdp }).await;
                    }
                }
                Ok(())
            }
            PeerEvent::Failed => {
                self.hang_up();
                Err(Over::NoWay)
            }
        }
    }

    async fn connected(&mut self, news: &mpsc::Sender<CallNews>) -> Step {
        if self.stage == Stage::Parting {
            return Ok(());
        }
        self.stage = Stage::Connected;
        self.deadline = Instant::now() + Duration::from_secs(24 * 3600);
        // Sound first: the code takes a moment.
        let _ = self.connected.send(true);
        if self
            .phone
            .line()
            .act(&self.words, CallDeed::Connected)
            .is_err()
        {
            tracing::info!("the call is connected, and the server could not be told");
        }
        let client = self.phone.client();
        let code = match self.theirs {
            // Without identities there is nothing to make one of.
            Some((theirs, Vouched::By(_))) => client
                .short_code(self.words.call_id, self.peer, self.own, theirs)
                .await
                .ok(),
            _ => None,
        };
        let verified = matches!(self.theirs, Some((_, Vouched::By(Proof::Verified))));
        let way = self.connection.quality().await.way;
        tell(
            news,
            CallNews::Connected {
                way,
                code,
                verified,
            },
        )
        .await;
        Ok(())
    }

    /// Gives back what the call had, and says how it was.
    async fn end(self, over: &Over) -> VoiceCounts {
        if matches!(over, Over::NoWay | Over::Failed(_)) {
            self.hang_up();
        }
        if self.stage != Stage::Ringing {
            self.report().await;
        }
        self.connection.close().await;
        // The voice ends with it, and with it the files.
        drop(self.connected);
        match self.voice.await {
            Ok(Ok(counts)) => counts,
            Ok(Err(_)) => {
                tracing::warn!("the sound of a call ended early");
                VoiceCounts::default()
            }
            Err(_) => VoiceCounts::default(),
        }
    }

    async fn report(&self) {
        let quality = self.connection.quality().await;
        let candidate_type = quality
            .way
            .and_then(|way| CandidateType::ALL.into_iter().find(|t| t.as_str() == way));
        let report = QualityRequest {
            call_id: self.words.call_id,
            loss: quality.loss,
            jitter: quality.jitter,
            rtt: quality.rtt,
            candidate_type,
        };
        let Ok(call) = calls::call_quality(&report) else {
            return;
        };
        let client = self.phone.client();
        let reporting = tokio::time::timeout(PART_WITHIN, client.inner.call(&call)).await;
        if let Ok(Err(_)) = reporting {
            tracing::debug!("how the call was could not be reported");
        }
    }
}

pub(super) fn fingerprint(sdp: &str) -> Result<Fingerprint, PhoneError> {
    Fingerprint::in_description(sdp).map_err(|_| PhoneError::NoFingerprint)
}

pub(super) fn failed(error: impl std::fmt::Display) -> Over {
    Over::Failed(error.to_string())
}

pub(super) async fn tell(news: &mpsc::Sender<CallNews>, what: CallNews) {
    // An application that has gone does not want to know.
    let _ = news.send(what).await;
}

/// Waits for the end of what is played; for ever where it was told.
async fn played(waiting: &mut Option<oneshot::Receiver<()>>) {
    if let Some(receiver) = waiting {
        let told = receiver.await.is_ok();
        // It must not be asked again.
        *waiting = None;
        if told {
            return;
        }
    }
    std::future::pending::<()>().await;
}

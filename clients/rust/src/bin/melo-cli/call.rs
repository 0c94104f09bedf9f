//! `call` and `answer`.

use std::process::ExitCode;
use std::time::Duration;

use melo_client::Client;
use melo_client::client::{CallEvent, CallHeard, Event, Events, Live};
use melo_client::crypto::emoji::Emoji;
use melo_client::crypto::short_code::ShortCode;
use melo_client::phone::{
    CallNews, OngoingCall, Over, Phone, PhoneError, PhoneOptions, Reach, Recording, Tape,
    Transport, Voice, VoiceCounts,
};
use melo_domain::Uid;
use melo_protocol::frame::CallStatus;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::args::{Answer, Call, Callee, Common, Relay, Sound};
use crate::catalogue::{Text, is_russian, text};
use crate::fail::{Failure, INTERRUPTED, KEYS, OTHER, REFUSED};
use crate::message::{line, name_of};
use crate::{output, profile};

/// How long what was said last may be on its way before the caller hangs up.
const LINGER: Duration = Duration::from_secs(2);
/// Packets of sound a second.
const PACKETS: u64 = 50;

/// Calls somebody.
pub async fn call(common: &Common, call: Call) -> Result<ExitCode, Failure> {
    let voice = voice(&call.sound)?;
    let client = profile::open(common).await?;
    let peer = match call.who {
        Callee::Person(uid) => uid,
        Callee::Echo => echo(&client).await?,
    };
    client.contacts().await?;
    let mut desk = Desk::open(common, client, &call.sound)?;
    if !(desk.synced().await? && desk.befriend(peer).await?) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    desk.say(
        json!({"event": "calling", "uid": peer}),
        text(Text::Calling, &[&name_of(&desk.client, peer)]),
    );
    let ongoing = desk.phone.call(peer, voice).await?;
    desk.talk(ongoing, true).await
}

/// Waits for a call and answers it.
pub async fn answer(common: &Common, answer: Answer) -> Result<ExitCode, Failure> {
    let mut voice = Some(voice(&answer.sound)?);
    let client = profile::open(common).await?;
    client.contacts().await?;
    let mut desk = Desk::open(common, client, &answer.sound)?;
    if !desk.synced().await? {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    desk.say(json!({"event": "waiting"}), text(Text::CallWaiting, &[]));
    loop {
        let Some(offer) = desk.rung(answer.from).await? else {
            return Ok(ExitCode::from(INTERRUPTED));
        };
        let from = offer.from;
        desk.say(
            json!({"event": "rings", "uid": from}),
            text(Text::CallFrom, &[&name_of(&desk.client, from)]),
        );
        let Some(taken) = voice.take() else {
            return Ok(ExitCode::SUCCESS);
        };
        match desk.phone.answer(offer, taken).await {
            Ok(ongoing) => return desk.talk(ongoing, false).await,
            Err(error @ (PhoneError::Unencrypted | PhoneError::Unbelieved(_))) => {
                desk.say(
                    json!({"event": "unanswerable", "uid": from, "reason": error.to_string()}),
                    text(Text::CallUnanswerable, &[&error]),
                );
                voice = Some(self::voice(&answer.sound)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Files are opened before anything else: a wrong name costs no call.
fn voice(sound: &Sound) -> Result<Voice, Failure> {
    let play = sound.audio.as_deref().map(Tape::open).transpose();
    let record = sound.record.as_deref().map(Recording::create).transpose();
    Ok(Voice::Files {
        play: play.map_err(PhoneError::from)?.map(Box::new),
        record: record.map_err(PhoneError::from)?.map(Box::new),
    })
}

/// The server's echo.
async fn echo(client: &Client) -> Result<Uid, Failure> {
    let missing =
        || Failure::new(REFUSED, text(Text::ErrNoEcho, &[])).hint(text(Text::DoEcho, &[]));
    client.echo().await?.ok_or_else(missing)
}

/// A person at the phone: what arrives, what is shown.
struct Desk {
    client: Client,
    phone: Phone,
    live: Live,
    events: Events,
    json: bool,
    seconds: Option<u64>,
    signals: (Signal, Signal),
}

impl Desk {
    fn open(common: &Common, client: Client, sound: &Sound) -> Result<Self, Failure> {
        let (live, events) = client.live();
        let options = PhoneOptions {
            reach: if sound.relay_only {
                Reach::RelayOnly
            } else {
                Reach::Any
            },
            relay_transport: sound.relay.map(|relay| match relay {
                Relay::Udp => Transport::Udp,
                Relay::Tcp => Transport::Tcp,
                Relay::Tls => Transport::Tls,
            }),
            ..PhoneOptions::default()
        };
        Ok(Self {
            phone: Phone::new(client.clone(), live.call_line(), options),
            client,
            live,
            events,
            json: common.json,
            seconds: sound.seconds,
            signals: (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ),
        })
    }

    /// For a program, or for a person.
    fn say(&self, event: Value, words: String) {
        if self.json {
            output::line(event);
        } else {
            output::line(words);
        }
    }

    /// The next event that ends nothing; messages that arrive meanwhile are shown.
    async fn event(&mut self) -> Result<Option<Event>, Failure> {
        let event = tokio::select! {
            event = self.events.next() => event,
            _ = self.signals.0.recv() => return Ok(None),
            _ = self.signals.1.recv() => return Ok(None),
        };
        match event {
            Some(Event::Ended(ended)) => Err(ended.into()),
            Some(event) => Ok(Some(event)),
            None => Ok(None),
        }
    }

    fn show(&self, event: &Event) {
        if let Event::Message(message) = event
            && !self.json
        {
            output::line(line(&self.client, message));
        }
    }

    /// Whether the device has caught up before its person lost patience.
    async fn synced(&mut self) -> Result<bool, Failure> {
        while let Some(event) = self.event().await? {
            self.show(&event);
            match event {
                Event::Synced => return Ok(true),
                Event::Disconnected { reason, .. } => return Err(unreachable(&reason)),
                _ => {}
            }
        }
        Ok(false)
    }

    /// The echo takes whoever asks; of other people one has to be a contact already. Whether the person waited for it.
    async fn befriend(&mut self, peer: Uid) -> Result<bool, Failure> {
        if self.client.nickname(peer).is_some() || self.client.echo().await? != Some(peer) {
            return Ok(true);
        }
        match self.client.add_contact(peer, false).await {
            Ok(()) => {}
            // Asked before, and not answered yet.
            Err(error) if error.code() == Some(melo_protocol::ErrorCode::AlreadySubscribed) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(event) = self.event().await? {
            self.show(&event);
            if matches!(event, Event::ContactConfirmed { from } if from == peer) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next offer; `None` when the person does not want to wait any longer.
    async fn rung(&mut self, from: Option<Uid>) -> Result<Option<CallHeard>, Failure> {
        while let Some(event) = self.event().await? {
            self.show(&event);
            if let Event::Call(CallEvent::Heard(heard)) = event
                && heard.kind == "offer"
                && heard.chat.is_none()
                && from.is_none_or(|from| heard.from == from)
            {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    async fn talk(mut self, mut call: OngoingCall, is_caller: bool) -> Result<ExitCode, Failure> {
        let peer = call.peer();
        // Far away until there is a reason to hang up.
        let never = Instant::now() + Duration::from_secs(7 * 86_400);
        let mut until = never;
        let mut interrupted = false;
        loop {
            tokio::select! {
                news = call.next() => match news {
                    Some(CallNews::Over(over, counts)) => {
                        self.live.close().await;
                        return over_with(self.json, &self.client, peer, &over, counts, interrupted);
                    }
                    Some(news) => {
                        if let CallNews::Connected { .. } = news
                            && until == never
                            && let Some(seconds) = self.seconds
                        {
                            until = Instant::now() + Duration::from_secs(seconds);
                        }
                        // Whoever called with something to say has said it; whoever answered listens on.
                        if matches!(news, CallNews::Played) && is_caller && self.seconds.is_none() {
                            until = Instant::now() + LINGER;
                        }
                        self.tell(peer, &news);
                    }
                    None => return Err(Failure::new(OTHER, text(Text::ErrCallBroken, &[]))),
                },
                event = self.event() => match event? {
                    Some(Event::Call(event)) if call.is_about(&event) => call.hear(event),
                    Some(event) => self.show(&event),
                    None => {
                        interrupted = true;
                        call.hang_up().await;
                    }
                },
                () = tokio::time::sleep_until(until) => {
                    until = never;
                    call.hang_up().await;
                }
            }
        }
    }

    fn tell(&self, peer: Uid, news: &CallNews) {
        let (event, words) = match news {
            CallNews::Ringing => (json!({"event": "ringing"}), text(Text::CallRinging, &[])),
            CallNews::Answered => (json!({"event": "answered"}), text(Text::CallAnswered, &[])),
            CallNews::Connected {
                way,
                code,
                verified,
            } => return self.connected(*way, code.as_ref(), *verified),
            CallNews::Interrupted => (
                json!({"event": "interrupted"}),
                text(Text::CallInterrupted, &[]),
            ),
            CallNews::Status { hold, muted } => {
                let what = if *hold {
                    Text::CallHeld
                } else {
                    Text::CallResumed
                };
                let event = json!({"event": "status", "hold": hold, "muted": muted});
                (event, text(what, &[&name_of(&self.client, peer)]))
            }
            CallNews::Played => (json!({"event": "played"}), text(Text::CallPlayed, &[])),
            CallNews::Over(..) => return,
        };
        self.say(event, words);
    }

    fn connected(&self, way: Option<&'static str>, code: Option<&ShortCode>, verified: bool) {
        let emoji: Option<String> = code.map(ToString::to_string);
        if self.json {
            let event =
                json!({"event": "connected", "way": way, "code": emoji, "verified": verified});
            output::line(event);
            return;
        }
        let how = if way == Some("relay") {
            Text::CallRelayed
        } else {
            Text::CallDirectly
        };
        output::line(text(Text::CallConnected, &[&text(how, &[])]));
        if verified {
            output::line(text(Text::CallCompared, &[]));
        } else if let (Some(code), Some(emoji)) = (code, emoji) {
            let name = |emoji: &Emoji| {
                if is_russian() {
                    emoji.russian
                } else {
                    emoji.english
                }
            };
            let names: Vec<_> = code.emoji().map(name).collect();
            output::line(text(Text::CallCode, &[&emoji, &names.join(", ")]));
        }
    }
}

fn unreachable(reason: &str) -> Failure {
    Failure::new(
        crate::fail::UNREACHABLE,
        text(Text::ErrUnreachable, &[&reason]),
    )
    .hint(text(Text::DoUnreachable, &[]))
}

/// What the end of a call means for the person and for the exit code.
fn over_with(
    json: bool,
    client: &Client,
    peer: Uid,
    over: &Over,
    counts: VoiceCounts,
    interrupted: bool,
) -> Result<ExitCode, Failure> {
    let name = name_of(client, peer);
    let VoiceCounts { heard, lost } = counts;
    let percent = lost * 100 / (heard + lost).max(1);
    if json {
        let reason = match over {
            Over::State(state) => json!(state),
            Over::Refused { code, .. } => json!(code.as_str()),
            Over::NoWay => json!("no_way"),
            Over::Unbelieved(_) => json!("unbelieved"),
            Over::Failed(_) => json!("failed"),
        };
        output::line(json!({"event": "over", "reason": reason, "heard": heard, "lost": lost}));
    }
    match over {
        Over::State(CallStatus::Ended | CallStatus::Transferred) => {
            if !json {
                output::line(text(Text::CallOver, &[&(heard / PACKETS), &percent]));
            }
            Ok(ExitCode::SUCCESS)
        }
        Over::State(CallStatus::Cancelled) if interrupted => Ok(ExitCode::from(INTERRUPTED)),
        Over::State(state) => Err(Failure::new(OTHER, unanswered(*state, &name))),
        Over::Refused { detail, .. } => Err(Failure::new(REFUSED, detail.clone())),
        Over::NoWay => {
            Err(Failure::new(OTHER, text(Text::ErrNoWay, &[])).hint(text(Text::DoNoWay, &[])))
        }
        Over::Unbelieved(why) => Err(Failure::new(KEYS, text(Text::ErrCallUnbelieved, &[why]))),
        Over::Failed(why) => Err(Failure::new(OTHER, why.clone())),
    }
}

fn unanswered(state: CallStatus, name: &str) -> String {
    match state {
        CallStatus::Busy => text(Text::CallBusy, &[&name]),
        CallStatus::Rejected => text(Text::CallDeclined, &[&name]),
        CallStatus::Cancelled => text(Text::CallGivenUp, &[]),
        CallStatus::AnsweredElsewhere | CallStatus::DeclinedElsewhere => {
            text(Text::CallElsewhere, &[])
        }
        _ => text(Text::CallMissed, &[&name]),
    }
}

impl From<PhoneError> for Failure {
    fn from(error: PhoneError) -> Self {
        match error {
            PhoneError::Client(error) => error.into(),
            PhoneError::Unbelieved(refusal) => {
                Self::new(KEYS, text(Text::ErrCallUnbelieved, &[&refusal]))
            }
            other => Self::new(OTHER, other.to_string()),
        }
    }
}

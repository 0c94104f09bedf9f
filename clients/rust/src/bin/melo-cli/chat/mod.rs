//! `chat`.

mod screen;

use std::collections::HashSet;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use melo_client::Client;
use melo_client::client::{Event, Events, Live, Message};
use melo_domain::{MessageId, Uid};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::args::{Chat, Common};
use crate::fail::{Failure, INTERRUPTED, OTHER};
use crate::message::name_of;
use crate::profile;
use screen::{Notice, Screen};

/// Lines that were typed and not yet taken.
const LINES: usize = 64;
/// Earlier messages shown on a terminal unless told otherwise.
const HISTORY: u32 = 10;
/// How long the first messages wait for the connection, so that all are shown in their order.
const PATIENCE: Duration = Duration::from_secs(3);

/// What happens next.
enum Step {
    Line(Option<String>),
    Event(Option<Event>),
    Interrupted,
}

struct Conversation {
    client: Client,
    with: Uid,
    live: Live,
    screen: Screen,
    /// Messages that the history showed before they arrived.
    shown: HashSet<MessageId>,
    /// Lines sent from here that the server has not acknowledged.
    unacknowledged: HashSet<Uuid>,
    /// The last line that could not be sent.
    failed: bool,
}

/// Talks with one person.
pub async fn run(common: &Common, chat: Chat) -> Result<ExitCode, Failure> {
    let client = profile::open(common).await?;
    let terminal =
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !common.json;
    let mut screen = Screen::new(terminal, common.json);
    let contacts = client.contacts().await?;
    if !contacts.iter().any(|(uid, _)| *uid == chat.uid) {
        return Err(melo_client::ClientError::NotAContact(chat.uid).into());
    }
    screen.greet(&client, chat.uid);
    let (live, mut events) = client.live();
    let mut conversation = Conversation {
        client,
        with: chat.uid,
        live,
        screen,
        shown: HashSet::new(),
        unacknowledged: HashSet::new(),
        failed: false,
    };
    let count = chat.history.unwrap_or(if terminal { HISTORY } else { 0 });
    if count > 0 {
        conversation.catch_up(&mut events, count).await?;
    }
    let mut lines = (!chat.listen).then(typed_lines);
    let mut signals = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    conversation.screen.prompt();
    loop {
        if lines.is_none() && !chat.listen && conversation.unacknowledged.is_empty() {
            return Ok(conversation.leave().await);
        }
        let step = tokio::select! {
            line = next_line(&mut lines) => Step::Line(line),
            event = events.next() => Step::Event(event),
            () = interrupted(&mut signals) => Step::Interrupted,
        };
        match step {
            Step::Line(Some(line)) => {
                if !conversation.typed(&line).await {
                    return Ok(conversation.leave().await);
                }
            }
            // A pipe that ended: what it gave is still sent.
            Step::Line(None) if !terminal => lines = None,
            Step::Event(Some(Event::Ended(ended))) => return Err(ended.into()),
            Step::Event(Some(event)) => conversation.happened(event),
            Step::Line(None) | Step::Event(None) => return Ok(conversation.leave().await),
            Step::Interrupted => {
                conversation.leave().await;
                return Ok(ExitCode::from(INTERRUPTED));
            }
        }
    }
}

impl Conversation {
    /// Shows the last messages in their order: those of the history, and those that arrive first of all because
    /// this device was away.
    async fn catch_up(&mut self, events: &mut Events, count: u32) -> Result<(), Failure> {
        let mut early = Vec::new();
        let until = Instant::now() + PATIENCE;
        while let Ok(Some(event)) = timeout_at(until, events.next()).await {
            let settled = matches!(event, Event::Synced | Event::Disconnected { .. });
            match event {
                Event::Ended(ended) => return Err(ended.into()),
                event => early.push(event),
            }
            if settled {
                break;
            }
        }
        let mut messages = self.client.history(self.with, 1, count).await?.messages;
        let known: HashSet<_> = messages.iter().map(|m| m.id).collect();
        let mut rest = Vec::new();
        for event in early {
            match event {
                Event::Message(m) if known.contains(&m.id) => {}
                Event::Message(m) if m.peer == Some(self.with) => messages.push(m),
                other => rest.push(other),
            }
        }
        messages.sort_by_key(|m| m.id.seq);
        for message in &messages {
            self.arrived(message);
            self.shown.insert(message.id);
        }
        for event in rest {
            self.happened(event);
        }
        Ok(())
    }

    /// A line was typed; false when it asks to leave.
    async fn typed(&mut self, line: &str) -> bool {
        let line = line.trim_end();
        let message = match line.strip_prefix('/') {
            None => line,
            Some(rest) if rest.starts_with('/') => rest,
            Some("quit") => return false,
            Some("help") => {
                self.screen.notice(&Notice::Help);
                return true;
            }
            Some(_) => {
                self.screen.notice(&Notice::UnknownCommand);
                return true;
            }
        };
        if message.is_empty() {
            self.screen.prompt();
            return true;
        }
        match self.live.send(self.with, message).await {
            Ok(client_id) => {
                self.unacknowledged.insert(client_id);
                self.screen.sending(client_id, message);
            }
            Err(error) => self.not_sent(&Failure::from(error)),
        }
        true
    }

    fn not_sent(&mut self, failure: &Failure) {
        self.failed = true;
        self.screen.notice(&Notice::NotSent(failure.what()));
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.arrived(&message),
            Event::Status {
                client_id,
                status,
                to,
                seq,
                at,
                ..
            } if to == self.with => {
                if let Some(client_id) = client_id {
                    self.unacknowledged.remove(&client_id);
                }
                self.screen.status(client_id, status, seq, at);
            }
            Event::Status {
                client_id: Some(client_id),
                ..
            } => {
                self.unacknowledged.remove(&client_id);
            }
            Event::Status { .. } | Event::Ended(_) => {}
            Event::SendFailed { client_id, error } => {
                self.unacknowledged.remove(&client_id);
                self.not_sent(&Failure::from(error));
            }
            Event::Synced => self.screen.notice(&Notice::Connected),
            Event::Disconnected { reason, retry_in } => {
                self.screen.notice(&Notice::Disconnected(&reason, retry_in));
            }
            Event::ContactRequest { from, .. } => self.screen.notice(&Notice::ContactRequest(from)),
            Event::ContactConfirmed { from } => self.screen.notice(&Notice::ContactConfirmed(from)),
            Event::KeysChanged {
                uid,
                identity_changed,
            } => {
                let name = (uid != self.client.uid()).then(|| name_of(&self.client, uid));
                self.screen.notice(&Notice::KeysChanged {
                    uid,
                    name,
                    identity_changed,
                });
            }
            Event::NewDevice { name, address, .. } => self.screen.notice(&Notice::NewDevice {
                name: &name,
                address: &address,
            }),
            Event::SecurityAlert { alert, .. } => {
                self.screen.notice(&Notice::SecurityAlert(&alert));
            }
            Event::ContactGone { uid } => self.screen.notice(&Notice::ContactGone(uid)),
            Event::Missed { .. } => self.screen.notice(&Notice::Missed),
        }
    }

    fn arrived(&mut self, message: &Message) {
        if !self.shown.remove(&message.id) {
            self.screen.message(&self.client, self.with, message);
        }
        if message.from == self.with {
            self.live.mark_read(message.id, message.from);
        }
    }

    async fn leave(self) -> ExitCode {
        let Self {
            client,
            live,
            mut screen,
            failed,
            ..
        } = self;
        live.close().await;
        screen.farewell(client.unsent());
        if failed {
            ExitCode::from(OTHER)
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// The lines of standard input. Reading them blocks, so a thread does it; it ends with the program.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

async fn next_line(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

async fn interrupted(signals: &mut (Signal, Signal)) {
    tokio::select! {
        _ = signals.0.recv() => {}
        _ = signals.1.recv() => {}
    }
}

//! `chat`.

mod command;
mod notice;
mod screen;
mod seen;

use std::collections::HashSet;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use melo_client::client::{Change, Changed, Event, Events, Live, Message};
use melo_client::crypto::content::Written;
use melo_client::keystore::Target;
use melo_client::rest::chats::Part;
use melo_client::{Client, ClientError};
use melo_domain::{MessageId, Seq};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::args::Common;
use crate::fail::{Failure, INTERRUPTED, OTHER};
use crate::group::show_progress;
use crate::group_args::View;
use crate::message::written;
use crate::profile;
use command::Typed;
use notice::Notice;
use screen::Screen;
use seen::Seen;

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
    with: Target,
    live: Live,
    screen: Screen,
    /// Messages that the history showed before they arrived.
    shown: HashSet<MessageId>,
    /// Messages that commands can name.
    seen: Seen,
    /// Lines sent from here that the server has not acknowledged.
    unacknowledged: HashSet<Uuid>,
    /// The last line that could not be sent.
    failed: bool,
}

/// Makes sure that one can talk there at all.
async fn look_up(client: &Client, with: Target) -> Result<(), Failure> {
    let contacts = client.contacts().await?;
    match with {
        Target::Person(uid) if !contacts.iter().any(|(contact, _)| *contact == uid) => {
            Err(ClientError::NotAContact(uid).into())
        }
        Target::Person(_) => Ok(()),
        Target::Chat { chat } => {
            client.chat(chat).await?;
            client.members(chat).await?;
            Ok(())
        }
    }
}

/// Talks with one person, or in a group or channel.
pub async fn run(common: &Common, with: Target, view: View) -> Result<ExitCode, Failure> {
    let client = profile::open(common).await?;
    show_progress(common, &client);
    let terminal =
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !common.json;
    let mut screen = Screen::new(terminal, common.json);
    look_up(&client, with).await?;
    screen.greet(&client, with);
    let (live, mut events) = client.live();
    let mut conversation = Conversation {
        client,
        with,
        live,
        screen,
        shown: HashSet::new(),
        seen: Seen::default(),
        unacknowledged: HashSet::new(),
        failed: false,
    };
    let count = view.history.unwrap_or(if terminal { HISTORY } else { 0 });
    if count > 0 {
        conversation.catch_up(&mut events, count).await?;
    }
    let mut lines = (!view.listen).then(typed_lines);
    let mut signals = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    conversation.screen.prompt();
    loop {
        if lines.is_none() && !view.listen && conversation.unacknowledged.is_empty() {
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

/// Whether something of that conversation is to be shown as of this one.
fn is_of(with: Target, message: &Message) -> bool {
    match with {
        Target::Person(uid) => message.chat.is_none() && message.peer == Some(uid),
        Target::Chat { chat } => message.chat == Some(chat),
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
        let mut messages = match self.with {
            Target::Person(uid) => self.client.history(uid, 1, count).await?.messages,
            Target::Chat { chat } => {
                let client = &self.client;
                client.chat_history(chat, Part::Newest, count).await?
            }
        };
        let known: HashSet<_> = messages.iter().map(|m| m.id).collect();
        let mut rest = Vec::new();
        for event in early {
            match event {
                Event::Message(m) if known.contains(&m.id) => {}
                Event::Message(m) if is_of(self.with, &m) => messages.push(m),
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
        match Typed::read(line) {
            Typed::Quit => return false,
            Typed::Help => self.screen.notice(&Notice::Help),
            Typed::Unknown => self.screen.notice(&Notice::UnknownCommand),
            Typed::Nothing => self.screen.prompt(),
            Typed::Line(line) => self.say(self.with, written(&line)).await,
            typed => self.command(typed).await,
        }
        true
    }

    /// Sends what was typed.
    async fn say(&mut self, to: Target, written: Written) {
        let text = written.text.clone();
        match self.live.send(to, written).await {
            Ok(client_id) => {
                self.unacknowledged.insert(client_id);
                self.screen.sending(client_id, &text);
                self.seen.sending(client_id, &text);
            }
            Err(error) => self.not_sent(&Failure::from(error)),
        }
    }

    /// A command about a message that is on the screen.
    async fn command(&mut self, typed: Typed) {
        let (with, live) = (self.with, &self.live);
        let seq = match &typed {
            Typed::Reply(seq, _)
            | Typed::Edit(seq, _)
            | Typed::React(seq, _)
            | Typed::Delete(seq)
            | Typed::Pin(seq, _)
            | Typed::Forward(seq, _) => *seq,
            _ => return,
        };
        let Some((id, author, text)) = self.seen.get(seq) else {
            self.screen.notice(&Notice::NoSuchMessage(seq));
            return;
        };
        let done = match typed {
            Typed::Reply(_, answer) => {
                let mut answer = written(&answer);
                answer.reply_to = Some(id);
                return self.say(with, answer).await;
            }
            Typed::Forward(_, to) => {
                let handed_on = Written {
                    // One's own words need no source.
                    forwarded_from: author.filter(|author| *author != self.client.uid()),
                    ..Written::from(text)
                };
                return self.say(to, handed_on).await;
            }
            Typed::Edit(_, better) => live.edit(with, id, written(&better)).await,
            Typed::React(_, reaction) => live.react(with, id, &reaction).await,
            Typed::Pin(_, pinned) => live.pin(with, id, pinned).await,
            _ => live.delete(with, id).await,
        };
        match done {
            Ok(client_id) => {
                self.unacknowledged.insert(client_id);
                self.screen.acting(client_id);
            }
            Err(error) => self.not_sent(&Failure::from(error)),
        }
    }

    fn not_sent(&mut self, failure: &Failure) {
        self.failed = true;
        self.screen.notice(&Notice::NotSent(failure.what()));
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.arrived(&message),
            Event::NowReadable(message) => {
                self.note_seen(&message);
                self.screen.readable(&self.client, self.with, &message);
            }
            Event::Change(change) => self.changed(&change),
            Event::Status {
                client_id,
                status,
                to,
                chat,
                log,
                seq,
                at,
            } => {
                if let Some(client_id) = client_id {
                    self.unacknowledged.remove(&client_id);
                    let own = self.client.uid();
                    self.seen.sent(client_id, MessageId { log, seq }, own);
                }
                let here = match self.with {
                    Target::Person(uid) => chat.is_none() && to == uid,
                    Target::Chat { chat: id } => chat == Some(id),
                };
                if here {
                    self.screen.status(client_id, status, seq, at);
                }
            }
            Event::SendFailed { client_id, error } => {
                self.unacknowledged.remove(&client_id);
                self.not_sent(&Failure::from(error));
            }
            other => {
                if let Some(notice) = Notice::of(&self.client, &other) {
                    self.screen.notice(&notice);
                }
            }
        }
    }

    fn note_seen(&mut self, message: &Message) {
        if is_of(self.with, message) {
            self.seen.note(message);
        }
    }

    fn arrived(&mut self, message: &Message) {
        self.note_seen(message);
        if !self.shown.remove(&message.id) {
            self.screen.message(&self.client, self.with, message);
        }
        if message.from != self.client.uid() && is_of(self.with, message) {
            self.live.mark_read(message.id, message.from);
        }
    }

    /// Something was done to a message.
    fn changed(&mut self, change: &Change) {
        let seq: Seq = change.message.seq;
        let here = match self.with {
            Target::Person(uid) => change.chat.is_none() && change.peer == Some(uid),
            Target::Chat { chat } => change.chat == Some(chat),
        };
        let author = here.then(|| self.seen.get(seq)).flatten();
        let author = author.and_then(|(_, author, _)| author);
        let foreign = matches!(change.what, Changed::Edited(_))
            && author.is_some_and(|author| author != change.from);
        if here && !foreign {
            self.seen.change(change);
        }
        self.screen.change(&self.client, self.with, change, foreign);
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

//! What `chat` prints: on a terminal with a prompt and marks that are set in place, elsewhere plain lines or
//! JSON, each written out at once.

use std::collections::{BTreeMap, HashSet};

use melo_client::Client;
use melo_client::client::{Change, Message};
use melo_client::keystore::Target;
use melo_domain::{Clock as _, LogId, Seq, SystemClock, Timestamp, Uid};
use melo_protocol::frame::StatusKind;
use serde_json::{Value, json};
use uuid::Uuid;

use super::notice::{self, Notice};
use crate::catalogue::{Text, text};
use crate::group::title_of;
use crate::local_time;
use crate::message::{as_json, body, line, name_of, plain};
use crate::output::text_now;

/// Back to the start of the line, which is emptied (ECMA-48: CR, EL).
const CLEAR_LINE: &str = "\r\x1b[K";
/// One line up (ECMA-48: CUU).
const LINE_UP: &str = "\x1b[1A";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";
const PROMPT: &str = "> ";
/// Own messages whose marks are followed.
const MAX_FOLLOWED: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Terminal { colour: bool },
    Lines,
    Json,
}

/// A line of one's own on the screen.
#[derive(Debug)]
struct Own {
    client_id: Uuid,
    text: String,
    at: Timestamp,
    reached: Option<StatusKind>,
    seq: Option<Seq>,
}

impl Own {
    fn line(&self, mark: &str) -> String {
        let number = self.seq.map(|seq| format!(" #{seq}")).unwrap_or_default();
        format!(
            "{} {}: {} {mark}{number}",
            local_time::clock(self.at),
            text(Text::Me, &[]),
            self.text
        )
    }
}

#[derive(Debug)]
pub struct Screen {
    style: Style,
    day: String,
    own: Vec<Own>,
    /// The own message in the line right above the prompt: its mark can be set in place.
    last: Option<Uuid>,
    /// What is done to messages and not acknowledged yet.
    acting: HashSet<Uuid>,
    was_connected: bool,
}

impl Screen {
    pub fn new(terminal: bool, json: bool) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let style = match (json, terminal) {
            (true, _) => Style::Json,
            (false, true) => Style::Terminal { colour },
            (false, false) => Style::Lines,
        };
        Self {
            style,
            day: String::new(),
            own: Vec::new(),
            last: None,
            acting: HashSet::new(),
            was_connected: false,
        }
    }

    fn is_terminal(&self) -> bool {
        matches!(self.style, Style::Terminal { .. })
    }

    fn paint(&self, colour: &str, words: &str) -> String {
        match self.style {
            Style::Terminal { colour: true } => format!("{colour}{words}{RESET}"),
            _ => words.to_owned(),
        }
    }

    fn put(&mut self, line: &str) {
        self.last = None;
        match self.style {
            Style::Terminal { .. } => text_now(&format!("{CLEAR_LINE}{line}\n{PROMPT}")),
            Style::Lines => text_now(&format!("{line}\n")),
            Style::Json => {}
        }
    }

    fn put_json(value: &Value) {
        text_now(&format!("{value}\n"));
    }

    /// A line with the date, when it is another one than that of the line before.
    fn put_day(&mut self, at: Timestamp) {
        let day = local_time::date(at);
        if day != self.day && self.style != Style::Json {
            let heading = self.paint(DIM, &format!("── {day} ──"));
            self.put(&heading);
            self.day = day;
        }
    }

    pub fn greet(&mut self, client: &Client, with: Target) {
        if !self.is_terminal() {
            return;
        }
        let greeting = match with {
            Target::Person(uid) => {
                let name = client.nickname(uid).map(|n| plain(&n)).unwrap_or_default();
                text(Text::ChatWith, &[&name, &uid])
            }
            Target::Chat { chat } => {
                let members = client.remembered_chat(chat).map_or(0, |c| c.members.len());
                text(Text::GroupChat, &[&title_of(client, with), &members])
            }
        };
        let greeting = self.paint(DIM, &greeting);
        self.put(&greeting);
        if let Target::Person(uid) = with
            && !client.is_verified(uid)
        {
            let warning = self.paint(DIM, &text(Text::NotCompared, &[&uid]));
            self.put(&warning);
        }
    }

    pub fn prompt(&self) {
        if self.is_terminal() {
            text_now(&format!("{CLEAR_LINE}{PROMPT}"));
        }
    }

    pub fn message(&mut self, client: &Client, with: Target, message: &Message) {
        if self.style == Style::Json {
            let mut value = as_json(message);
            value["event"] = json!("message");
            Self::put_json(&value);
            return;
        }
        self.put_day(message.at);
        let from_other_device =
            message.from == client.uid() && message.device != Some(client.device());
        let shown = if from_other_device {
            let clock = local_time::clock(message.at);
            let (me, other) = (text(Text::Me, &[]), text(Text::OtherDevice, &[]));
            format!("{clock} {me} ({other}): {}", body(client, message))
        } else {
            line(client, message)
        };
        let shown = self.numbered(&shown, message.id.seq);
        let place = place(client, with, message.chat, message.peer);
        self.put(&format!("{place}{shown}"));
    }

    /// A message that was shown as unreadable can be read.
    pub fn readable(&mut self, client: &Client, with: Target, message: &Message) {
        if self.style == Style::Json {
            let mut value = as_json(message);
            value["event"] = json!("readable");
            Self::put_json(&value);
            return;
        }
        let words = text(Text::NowReadable, &[]);
        let shown = self.numbered(&line(client, message), message.id.seq);
        let place = place(client, with, message.chat, message.peer);
        self.put(&format!("{place}({words}) {shown}"));
    }

    /// Something was done to a message. `foreign`: an edit that is not from the author.
    pub fn change(&mut self, client: &Client, with: Target, change: &Change, foreign: bool) {
        if self.style == Style::Json {
            Self::put_json(&notice::change_as_json(change, foreign));
            return;
        }
        self.put_day(change.at);
        let clock = local_time::clock(change.at);
        let name = name_of(client, change.from);
        let words = notice::change_in_words(client, change, foreign);
        let place = place(client, with, change.chat, change.peer);
        let shown = self.paint(DIM, &format!("{clock} {name}: {words}"));
        self.put(&format!("{place}{shown}"));
    }

    /// On a terminal, the number by which commands name the message.
    fn numbered(&self, line: &str, seq: Seq) -> String {
        if self.is_terminal() {
            format!("{line} {}", self.paint(DIM, &format!("#{seq}")))
        } else {
            line.to_owned()
        }
    }

    /// Something is done to a message; the mark comes with the server's answer.
    pub fn acting(&mut self, client_id: Uuid) {
        match self.style {
            Style::Json => Self::put_json(&json!({"event": "sending", "client_id": client_id})),
            Style::Terminal { .. } => self.prompt(),
            Style::Lines => {}
        }
        self.acting.insert(client_id);
    }

    /// A line of one's own is on its way.
    pub fn sending(&mut self, client_id: Uuid, text: &str) {
        let own = Own {
            client_id,
            text: plain(text),
            at: SystemClock.now(),
            reached: None,
            seq: None,
        };
        match self.style {
            Style::Terminal { .. } => {
                self.put_day(own.at);
                // The terminal has echoed the typed line: the message takes its place.
                text_now(&format!("{LINE_UP}{CLEAR_LINE}{}\n{PROMPT}", own.line("…")));
                self.last = Some(client_id);
            }
            Style::Lines => {}
            Style::Json => Self::put_json(&json!({"event": "sending", "client_id": client_id})),
        }
        if self.own.len() >= MAX_FOLLOWED {
            self.own.remove(0);
        }
        self.own.push(own);
    }

    fn mark(&self, status: StatusKind) -> String {
        match status {
            StatusKind::Queued => "✓".to_owned(),
            StatusKind::Delivered => "✓✓".to_owned(),
            StatusKind::Read => self.paint(GREEN, "✓✓"),
            StatusKind::RateLimited => "…".to_owned(),
        }
    }

    /// Messages got further: one of this device to the server, or all up to `seq` to the recipient.
    pub fn status(&mut self, client_id: Option<Uuid>, status: StatusKind, seq: Seq, at: Timestamp) {
        if self.style == Style::Json {
            let value = json!({"event": "status", "status": status, "client_id": client_id, "seq": seq, "at": at});
            Self::put_json(&value);
        }
        if client_id.is_some_and(|id| self.acting.remove(&id)) && self.style != Style::Json {
            let done = self.paint(DIM, &format!("      ✓ {}", text(Text::Done, &[])));
            self.put(&done);
        }
        if let Some(own) = self.own.iter_mut().find(|o| client_id == Some(o.client_id)) {
            own.seq = Some(seq);
        }
        let mut reached = BTreeMap::new();
        for (i, own) in self.own.iter_mut().enumerate() {
            let concerned = match status {
                StatusKind::Queued => client_id == Some(own.client_id),
                _ => own.seq.is_some_and(|s| s <= seq),
            };
            if concerned && rank(own.reached) < rank(Some(status)) {
                own.reached = Some(status);
                reached.insert(i, (own.client_id, own.text.clone()));
            }
        }
        for (i, (client_id, written)) in reached {
            self.show_mark(i, client_id, &written, status);
        }
        self.own
            .retain(|o| o.reached != Some(StatusKind::Read) || self.last == Some(o.client_id));
    }

    fn show_mark(&mut self, index: usize, client_id: Uuid, written: &str, status: StatusKind) {
        let mark = self.mark(status);
        let word = match status {
            StatusKind::Queued => Text::MarkQueued,
            StatusKind::Delivered => Text::MarkDelivered,
            StatusKind::Read => Text::MarkRead,
            StatusKind::RateLimited => return,
        };
        match self.style {
            // The line above the prompt is this message: no other line came since.
            Style::Terminal { .. } if self.last == Some(client_id) => {
                let line = self
                    .own
                    .get(index)
                    .map(|own| own.line(&mark))
                    .unwrap_or_default();
                text_now(&format!("{LINE_UP}{CLEAR_LINE}{line}\n{PROMPT}"));
            }
            Style::Terminal { .. } => {
                let start: String = written.chars().take(30).collect();
                let number = self.own.get(index).and_then(|own| own.seq);
                let number = number.map(|seq| format!(" #{seq}")).unwrap_or_default();
                let words = format!("      {mark} {}: {start}{number}", text(word, &[]));
                let line = self.paint(DIM, &words);
                self.put(&line);
            }
            Style::Lines => {
                let clock = local_time::clock(SystemClock.now());
                let me = text(Text::Me, &[]);
                self.put(&format!(
                    "{clock} {me}: {written} {mark} {}",
                    text(word, &[])
                ));
            }
            Style::Json => {}
        }
    }

    pub fn notice(&mut self, notice: &Notice<'_>) {
        if self.style == Style::Json {
            Self::put_json(&notice.as_json());
            return;
        }
        // Being connected is worth a word only after it was not.
        if matches!(notice, Notice::Connected) && !self.was_connected {
            self.was_connected = true;
            return;
        }
        let words = format!("* {}", notice.words());
        let words = self.paint(DIM, &words);
        self.put(&words);
    }

    /// The last words.
    pub fn farewell(&mut self, unsent: usize) {
        if self.is_terminal() {
            text_now(CLEAR_LINE);
        }
        if unsent > 0 {
            eprintln!("{}", text(Text::StillUnsent, &[&unsent]));
        }
    }
}

fn rank(status: Option<StatusKind>) -> u8 {
    match status {
        None | Some(StatusKind::RateLimited) => 0,
        Some(StatusKind::Queued) => 1,
        Some(StatusKind::Delivered) => 2,
        Some(StatusKind::Read) => 3,
    }
}

/// In front of what belongs to another conversation than the one on the screen: which one that is.
fn place(client: &Client, with: Target, chat: Option<LogId>, peer: Option<Uid>) -> String {
    let of = match (chat, peer) {
        (Some(chat), _) => Target::chat(chat),
        (None, Some(peer)) => Target::Person(peer),
        (None, None) => return String::new(),
    };
    match of {
        same if same == with => String::new(),
        Target::Person(uid) => format!("[{uid}] "),
        Target::Chat { .. } => format!("[{}] ", title_of(client, of)),
    }
}

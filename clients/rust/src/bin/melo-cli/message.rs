//! `send` and `history`, and how a message is shown.

use std::io::Read as _;

use melo_client::Client;
use melo_client::client::{Body, Message, Proof, Refusal};
use melo_client::crypto::content::Written;
use melo_client::crypto::envelope::EnvelopeError;
use melo_client::crypto::legacy::LegacyError;
use melo_client::keystore::Target;
use melo_domain::{ChatId, Uid};
use serde_json::{Value, json};

use crate::args::{Common, History, Send};
use crate::catalogue::{Text, text};
use crate::fail::{Failure, USAGE};
use crate::group::show_progress;
use crate::{local_time, output, profile};

/// The longest text that is read from standard input, in bytes.
const MAX_INPUT: u64 = 1 << 20;

/// Sends one message to a person.
pub async fn send(common: &Common, send: Send) -> Result<(), Failure> {
    send_to(common, Target::Person(send.uid), &send.text).await
}

/// Sends one message.
pub async fn send_to(common: &Common, target: Target, words: &[String]) -> Result<(), Failure> {
    let message = if words == ["-"] {
        let mut input = String::new();
        std::io::stdin()
            .take(MAX_INPUT)
            .read_to_string(&mut input)?;
        input.trim_end_matches('\n').to_owned()
    } else {
        words.join(" ")
    };
    if message.is_empty() {
        return Err(Failure::new(USAGE, text(Text::Empty, &[&"text"])));
    }
    let client = profile::open(common).await?;
    show_progress(common, &client);
    match client.send(target, written(&message)).await {
        Ok(sent) => {
            if common.json {
                let answer = json!({
                    "status": "queued", "client_id": sent.client_id, "log": sent.log, "seq": sent.seq, "at": sent.at,
                });
                output::line(&answer);
            } else {
                output::line(text(Text::Sent, &[]));
            }
            Ok(())
        }
        Err(error) => {
            let kept = error.is_transient() && client.unsent() > 0;
            let failure = Failure::from(error);
            Err(if kept {
                failure.of_kept_message()
            } else {
                failure
            })
        }
    }
}

/// What was typed, with those who are spoken to: @ and a user id.
pub fn written(line: &str) -> Written {
    let mut mentions: Vec<Uid> = line
        .split('@')
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
        })
        .collect();
    mentions.sort_unstable();
    mentions.dedup();
    Written {
        mentions,
        ..Written::from(line)
    }
}

/// Shows earlier messages.
pub async fn history(common: &Common, history: History) -> Result<(), Failure> {
    let client = profile::open(common).await?;
    let page = client
        .history(history.uid, history.page, history.limit)
        .await?;
    if common.json {
        let messages: Vec<_> = page.messages.iter().map(as_json).collect();
        let answer = json!({"messages": messages, "page": page.page, "pages": page.pages, "total": page.total});
        output::line(&answer);
        return Ok(());
    }
    if page.messages.is_empty() {
        output::line(text(Text::NoMessages, &[]));
    }
    for message in &page.messages {
        let date = local_time::date(message.at);
        output::line(format!("{date} {}", line(&client, message)));
    }
    if page.pages > 1 {
        output::line(format!(
            "({})",
            text(Text::PageOf, &[&page.page, &page.pages])
        ));
    }
    Ok(())
}

/// A person's nickname, or their user id.
pub fn name_of(client: &Client, uid: Uid) -> String {
    if uid == client.uid() {
        return text(Text::Me, &[]);
    }
    client
        .nickname(uid)
        .map_or_else(|| uid.to_string(), |name| plain(&name))
}

/// Text from others without what a terminal would take for commands (ECMA-48 control characters), and
/// without what reorders text (Unicode bidirectional controls).
pub fn plain(text: &str) -> String {
    let disguises = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| {
            if (c.is_control() && c != '\n' && c != '\t') || disguises(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect::<String>()
        .replace('\n', "\n    ")
}

/// A text with what it refers to.
fn said(client: &Client, written: &Written) -> String {
    let mut parts = Vec::new();
    if let Some(answered) = written.reply_to {
        parts.push(format!("(↪ #{})", answered.seq));
    }
    if let Some(author) = written.forwarded_from {
        let author = name_of(client, author);
        parts.push(format!("({})", text(Text::ForwardedFrom, &[&author])));
    }
    parts.push(plain(&written.text));
    if written.mentions.contains(&client.uid()) {
        parts.push(format!("[{}]", text(Text::Mentioned, &[])));
    }
    parts.join(" ")
}

/// What a message says, for a person.
pub fn body(client: &Client, message: &Message) -> String {
    body_of(client, message.from, &message.body)
}

/// What somebody said.
pub fn body_of(client: &Client, from: Uid, body: &Body) -> String {
    match body {
        Body::Text {
            written,
            proof: Proof::Unsigned,
        } => {
            format!("{} [{}]", plain(&written.text), text(Text::Unsigned, &[]))
        }
        Body::Text { written, .. } => said(client, written),
        Body::Unsupported { kind } => text(Text::Unsupported, &[&plain(kind)]),
        Body::Deleted => text(Text::WasDeleted, &[]),
        Body::Refused(Refusal::Legacy(LegacyError::NotForThisKey)) if from == client.uid() => {
            text(Text::OwnLegacy, &[])
        }
        Body::Refused(
            Refusal::Envelope(EnvelopeError::NotForThisDevice)
            | Refusal::Legacy(LegacyError::NotForThisKey),
        ) => text(Text::NotForThisDevice, &[]),
        Body::Refused(Refusal::NoKey) => text(Text::NoKey, &[]),
        Body::Refused(refusal) => text(Text::Refused, &[refusal]),
    }
}

/// `08:15 Anna: hello`.
pub fn line(client: &Client, message: &Message) -> String {
    let clock = local_time::clock(message.at);
    format!(
        "{clock} {}: {}{}",
        name_of(client, message.from),
        body(client, message),
        since(client, message)
    )
}

/// What became of a message, behind it.
fn since(client: &Client, message: &Message) -> String {
    let since = &message.since;
    let mut notes = Vec::new();
    if since.edited {
        notes.push(text(Text::WasEdited, &[]));
    }
    if since.pinned {
        notes.push(text(Text::WasPinned, &[]));
    }
    for by in &since.reactions {
        notes.push(format!(
            "{} {}",
            plain(&by.reaction),
            name_of(client, by.from)
        ));
    }
    if notes.is_empty() {
        String::new()
    } else {
        format!(" [{}]", notes.join(", "))
    }
}

/// A message for programs.
pub fn as_json(message: &Message) -> Value {
    let mut value = json!({
        "id": message.id,
        "log": message.id.log,
        "seq": message.id.seq,
        "at": message.at,
        "from": message.from,
        "device": message.device,
        "client_id": message.client_id,
    });
    if let Some(chat) = message.chat {
        value["chat_id"] = json!(ChatId(chat));
    }
    put_body(&mut value, &message.body);
    if message.since.edited {
        value["edited"] = json!(true);
    }
    if message.since.pinned {
        value["pinned"] = json!(true);
    }
    let reactions = message.since.reactions.iter();
    let reactions: Vec<_> = reactions
        .map(|by| json!({"from": by.from, "reaction": by.reaction, "proof": proof_name(by.proof)}))
        .collect();
    if !reactions.is_empty() {
        value["reactions"] = json!(reactions);
    }
    value
}

/// The name of a proof for programs.
pub fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::Verified => "verified",
        Proof::Signed => "signed",
        Proof::Unsigned => "unsigned",
    }
}

/// What somebody said, for programs.
pub fn put_body(value: &mut Value, body: &Body) {
    match body {
        Body::Text { written, proof } => {
            value["text"] = json!(written.text);
            value["proof"] = json!(proof_name(*proof));
            if let Some(answered) = written.reply_to {
                value["reply_to"] = json!(answered);
            }
            if !written.mentions.is_empty() {
                value["mentions"] = json!(written.mentions);
            }
            if let Some(author) = written.forwarded_from {
                value["forwarded_from"] = json!(author);
            }
        }
        Body::Unsupported { kind } => value["unsupported"] = json!(kind),
        Body::Deleted => value["deleted"] = json!(true),
        Body::Refused(refusal) => value["refused"] = json!(refusal.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_spoken_to_is_mentioned() {
        let uid = |text: &str| text.parse::<Uid>().unwrap();
        let line = written("@10000002 and @10000001, see x@10000003.example or @1, @10000001!");
        let mentioned = [uid("10000001"), uid("10000002"), uid("10000003")];
        assert_eq!(line.mentions, mentioned);
        assert!(written("nobody @ all").mentions.is_empty());
    }

    #[test]
    fn text_from_others_cannot_drive_the_terminal() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\u{7}\u{202e}c"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c"
        );
        assert_eq!(plain("one\ntwo"), "one\n    two");
    }
}

//! `send` and `history`, and how a message is shown.

use std::io::Read as _;

use melo_client::Client;
use melo_client::client::{Body, Message, Proof, Refusal};
use melo_client::crypto::envelope::EnvelopeError;
use melo_client::crypto::legacy::LegacyError;
use melo_domain::Uid;
use serde_json::{Value, json};

use crate::args::{Common, History, Send};
use crate::catalogue::{Text, text};
use crate::fail::{Failure, USAGE};
use crate::{local_time, output, profile};

/// The longest text that is read from standard input, in bytes.
const MAX_INPUT: u64 = 1 << 20;

/// Sends one message.
pub async fn send(common: &Common, send: Send) -> Result<(), Failure> {
    let message = if send.text == ["-"] {
        let mut input = String::new();
        std::io::stdin()
            .take(MAX_INPUT)
            .read_to_string(&mut input)?;
        input.trim_end_matches('\n').to_owned()
    } else {
        send.text.join(" ")
    };
    if message.is_empty() {
        return Err(Failure::new(USAGE, text(Text::Empty, &[&"text"])));
    }
    let client = profile::open(common).await?;
    match client.send(send.uid, &message).await {
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

/// What a message says, for a person.
pub fn body(client: &Client, message: &Message) -> String {
    match &message.body {
        Body::Text {
            text: written,
            proof: Proof::Unsigned,
        } => {
            format!("{} [{}]", plain(written), text(Text::Unsigned, &[]))
        }
        Body::Text { text, .. } => plain(text),
        Body::Unsupported { kind } => text(Text::Unsupported, &[&plain(kind)]),
        Body::Refused(Refusal::Legacy(LegacyError::NotForThisKey))
            if message.from == client.uid() =>
        {
            text(Text::OwnLegacy, &[])
        }
        Body::Refused(
            Refusal::Envelope(EnvelopeError::NotForThisDevice)
            | Refusal::Legacy(LegacyError::NotForThisKey),
        ) => text(Text::NotForThisDevice, &[]),
        Body::Refused(refusal) => text(Text::Refused, &[refusal]),
    }
}

/// `08:15 Anna: hello`.
pub fn line(client: &Client, message: &Message) -> String {
    let clock = local_time::clock(message.at);
    format!(
        "{clock} {}: {}",
        name_of(client, message.from),
        body(client, message)
    )
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
    match &message.body {
        Body::Text { text, proof } => {
            value["text"] = json!(text);
            value["proof"] = json!(match proof {
                Proof::Verified => "verified",
                Proof::Signed => "signed",
                Proof::Unsigned => "unsigned",
            });
        }
        Body::Unsupported { kind } => value["unsupported"] = json!(kind),
        Body::Refused(refusal) => value["refused"] = json!(refusal.to_string()),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_others_cannot_drive_the_terminal() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\u{7}\u{202e}c"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c"
        );
        assert_eq!(plain("one\ntwo"), "one\n    two");
    }
}

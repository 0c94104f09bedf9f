//! What is typed in a chat: lines to send, and commands.

use melo_client::keystore::Target;
use melo_domain::{LogId, Seq, Uid};

/// A line that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Nothing.
    Nothing,
    /// Something to send.
    Line(String),
    /// `/reply N text`.
    Reply(Seq, String),
    /// `/edit N text`.
    Edit(Seq, String),
    /// `/react N emoji`; without one, it is taken back.
    React(Seq, String),
    /// `/delete N`.
    Delete(Seq),
    /// `/pin N`, `/unpin N`.
    Pin(Seq, bool),
    /// `/forward N to`.
    Forward(Seq, Target),
    /// `/help`.
    Help,
    /// `/quit`.
    Quit,
    /// A command that there is not, or not in this form.
    Unknown,
}

impl Typed {
    /// Reads a line. One that starts with `//` is sent with one `/`.
    pub fn read(line: &str) -> Self {
        let line = line.trim_end();
        let Some(command) = line.strip_prefix('/') else {
            return if line.is_empty() {
                Self::Nothing
            } else {
                Self::Line(line.to_owned())
            };
        };
        if command.starts_with('/') {
            return Self::Line(command.to_owned());
        }
        let (name, rest) = split(command);
        let (number, rest) = split(rest);
        let seq = number
            .trim_start_matches('#')
            .parse::<Seq>()
            .ok()
            .filter(|n| *n > 0);
        let text = || rest.to_owned();
        match (name, seq) {
            ("quit", _) if number.is_empty() => Self::Quit,
            ("help", _) if number.is_empty() => Self::Help,
            ("reply", Some(seq)) if !rest.is_empty() => Self::Reply(seq, text()),
            ("edit", Some(seq)) if !rest.is_empty() => Self::Edit(seq, text()),
            ("react", Some(seq)) => Self::React(seq, text()),
            ("delete", Some(seq)) if rest.is_empty() => Self::Delete(seq),
            ("pin" | "unpin", Some(seq)) if rest.is_empty() => Self::Pin(seq, name == "pin"),
            ("forward", Some(seq)) => match target(rest) {
                Some(target) => Self::Forward(seq, target),
                None => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

/// A user id has eight digits; the ids of groups are far longer.
fn target(text: &str) -> Option<Target> {
    if let Ok(uid) = text.parse::<Uid>() {
        return Some(Target::Person(uid));
    }
    text.parse::<LogId>().ok().map(Target::chat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_commands_are_told_apart() {
        let text = |s: &str| s.to_owned();
        for (line, typed) in [
            ("", Typed::Nothing),
            ("hello ", Typed::Line(text("hello"))),
            ("//etc", Typed::Line(text("/etc"))),
            ("/quit", Typed::Quit),
            ("/help", Typed::Help),
            (
                "/reply 12 yes, please",
                Typed::Reply(12, text("yes, please")),
            ),
            ("/reply #12  yes", Typed::Reply(12, text("yes"))),
            ("/reply 12", Typed::Unknown),
            ("/reply yes", Typed::Unknown),
            ("/edit 3 better", Typed::Edit(3, text("better"))),
            ("/react 3 👍", Typed::React(3, text("👍"))),
            ("/react 3", Typed::React(3, text(""))),
            ("/delete 3", Typed::Delete(3)),
            ("/delete 3 now", Typed::Unknown),
            ("/delete 0", Typed::Unknown),
            ("/pin 3", Typed::Pin(3, true)),
            ("/unpin 3", Typed::Pin(3, false)),
            ("/forward 3 nobody", Typed::Unknown),
            ("/quit now", Typed::Unknown),
            ("/dance", Typed::Unknown),
            ("/", Typed::Unknown),
        ] {
            assert_eq!(Typed::read(line), typed, "{line}");
        }
        let uid = "10000001".parse().unwrap();
        assert_eq!(
            Typed::read("/forward 3 10000001"),
            Typed::Forward(3, Target::Person(uid))
        );
        let chat = "2743568499114308".parse().unwrap();
        assert_eq!(
            Typed::read("/forward 3 2743568499114308"),
            Typed::Forward(3, Target::chat(chat))
        );
    }
}

//! A terminal with a program on it, and somebody who reads and types.

use std::fs::File;
use std::io::{Read, Write};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::PATIENCE;

/// A terminal. The program on it is killed when this is dropped.
#[derive(Debug)]
pub struct Terminal {
    program: Child,
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    /// All that was shown.
    shown: Vec<u8>,
    /// How much of it was read.
    read: usize,
}

impl Terminal {
    /// Runs a program on a terminal of its own.
    pub(crate) fn run(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("a terminal");
        unlockpt(&ours).expect("a terminal");
        let name = ptsname(&ours, Vec::new()).expect("a terminal");
        let theirs = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let theirs = theirs.expect("the other end");
        let end = || theirs.try_clone().expect("the other end");
        command.stdin(end()).stdout(end()).stderr(end());
        let program = command.spawn().expect("a process");
        // Only the program holds the other end now: its end is the end of what is shown. The command holds copies.
        drop(command);
        drop(theirs);
        let keyboard = File::from(ours);
        let mut display = keyboard.try_clone().expect("a terminal");
        let (parts, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // A terminal that nobody writes to any more is an error rather than an end.
            while let Ok(length @ 1..) = display.read(&mut part) {
                if parts.send(part[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            program,
            keyboard,
            screen,
            shown: Vec::new(),
            read: 0,
        }
    }

    /// Everything that was shown so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Reads on until this was shown.
    pub async fn shows(&mut self, text: &str) {
        loop {
            let unread = &self.shown[self.read..];
            if let Some(at) = memchr::memmem::find(unread, text.as_bytes()) {
                self.read += at + text.len();
                return;
            }
            let part = tokio::time::timeout(PATIENCE, self.screen.recv()).await;
            match part {
                Ok(Some(part)) => self.shown.extend(part),
                Ok(None) => panic!("it ended without {text:?}:\n{}", self.text()),
                Err(_) => panic!("it does not show {text:?}:\n{}", self.text()),
            }
        }
    }

    /// Waits for a question, and answers it.
    pub async fn answers(&mut self, question: &str, answer: &str) {
        self.shows(question).await;
        let line = format!("{answer}\n");
        self.keyboard
            .write_all(line.as_bytes())
            .expect("a terminal");
    }

    /// The exit code of a program that has come to its end.
    pub async fn ended(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.program.wait()).await;
        let Ok(ended) = ended else {
            panic!("it does not end:\n{}", self.text());
        };
        ended.expect("an end").code()
    }
}

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use melo_client::address::DEFAULT_SERVER;
use melo_domain::{LogId, Uid};

use crate::group_args::{Group, View};

const EXIT_CODES: &str = "Exit codes:
  0    done
  1    something else went wrong
  2    the command line is wrong
  65   a person's keys are refused: do not go on before you know why
  69   the server cannot be reached
  75   not now: the message is kept and goes out with the next send or chat
  77   refused: wrong password or passphrase, or the server does not allow it
  78   there is no profile yet, the profile is in use, or the certificate is not trusted
  130  interrupted";

/// Write end-to-end encrypted messages from a terminal.
#[derive(Debug, Parser)]
#[command(name = "melo-cli", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Address of the server; remembered at register and login.
    #[arg(long, global = true, env = "MELO_SERVER", default_value = DEFAULT_SERVER, value_name = "URL")]
    pub server: String,
    /// Address of its WebSocket, when it is not port 8089 beside 8088, or /ws; remembered at register and login.
    #[arg(long, global = true, env = "MELO_WS", value_name = "URL")]
    pub ws: Option<String>,
    /// Trust the certificate in this PEM file and no other (for a server of your own: its keys/tls.crt);
    /// remembered at register and login.
    #[arg(long, global = true, env = "MELO_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Where profiles are kept [default: ~/.melo].
    #[arg(long, global = true, env = "MELO_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Which profile to use: one for each account on this machine.
    #[arg(
        long,
        global = true,
        env = "MELO_PROFILE",
        default_value = "default",
        value_name = "NAME"
    )]
    pub profile: String,
    /// Passphrase of the profile's key store; asked for when it is not given. Other users of this machine can
    /// read a command line: prefer the variable.
    #[arg(
        long,
        global = true,
        env = "MELO_PASSPHRASE",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub passphrase: Option<String>,
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account; what is not given is asked for.
    Register(Register),
    /// Sign in on this device, or sign in again.
    Login(Login),
    /// Show who this profile is.
    Whoami,
    /// Store the key backup anew, under another recovery passphrase.
    Backup(Backup),
    /// Contacts: ask, accept, list, compare safety numbers.
    #[command(subcommand)]
    Contact(Contact),
    /// Send one message, and wait until the server has it on disk.
    Send(Send),
    /// Talk: shows what arrives, sends what is typed. Reads plain lines when input is not a terminal.
    Chat(Chat),
    /// Show earlier messages.
    History(History),
    /// Call somebody and play a sound file to them; hang up when it is over, or with Ctrl-C.
    Call(Call),
    /// Wait for a call, answer it, and stay until it is over.
    Answer(Answer),
    /// Groups: make, list, invite, join, members, send, history, chat, leave.
    #[command(subcommand)]
    Group(Group),
    /// Channels, in which those who run it write: as groups.
    #[command(subcommand)]
    Channel(Group),
}

/// `register`.
#[derive(Debug, Args)]
pub struct Register {
    /// Phone number in international form, like +79991234567.
    #[arg(long, env = "MELO_PHONE", hide_env_values = true)]
    pub phone: Option<String>,
    /// Your name: 1 to 50 letters, digits, spaces, - or _.
    #[arg(long)]
    pub name: Option<String>,
    /// What contacts see [default: the name].
    #[arg(long)]
    pub nickname: Option<String>,
    /// Password of the account; the server says how good it must be, by default 12 characters or more.
    #[arg(
        long,
        env = "MELO_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub password: Option<String>,
    /// Opens the key backup on another device [default: the passphrase].
    #[arg(
        long,
        env = "MELO_RECOVERY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub recovery: Option<String>,
    /// Code that the server has sent to the phone; asked for when it is needed. Without a terminal: run the command
    /// once without it to be sent one, and once more with it.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Invite of an admin, where the server takes the invited only; asked for when it is needed.
    #[arg(long, env = "MELO_INVITE", hide_env_values = true, value_name = "CODE")]
    pub invite: Option<String>,
}

/// `login`.
#[derive(Debug, Args)]
pub struct Login {
    /// User id or phone number.
    pub identifier: Option<String>,
    /// Password of the account.
    #[arg(
        long,
        env = "MELO_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub password: Option<String>,
    /// The recovery passphrase given at registration [default: the passphrase].
    #[arg(
        long,
        env = "MELO_RECOVERY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub recovery: Option<String>,
    /// Code of the second factor, or a recovery code; asked for when it is needed.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// The backup is lost: start over with a new identity. Other devices are signed off, and contacts are warned.
    #[arg(long)]
    pub new_identity: bool,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The new recovery passphrase [default: the passphrase].
    #[arg(
        long,
        env = "MELO_RECOVERY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub recovery: Option<String>,
}

/// `contact`.
#[derive(Debug, Subcommand)]
pub enum Contact {
    /// Ask somebody to become a contact.
    Add {
        /// Their user id: eight digits.
        uid: Uid,
        /// Do not tell them your phone number.
        #[arg(long)]
        secret: bool,
    },
    /// Accept somebody's request.
    Accept {
        /// Their user id.
        uid: Uid,
    },
    /// List contacts, and requests seen by this device.
    List,
    /// Show the safety number to compare with a contact.
    Verify {
        /// Their user id.
        uid: Uid,
        /// The numbers were compared and are the same: mark the contact as verified.
        #[arg(long)]
        confirm: bool,
        /// Trust a changed identity without having compared.
        #[arg(long, conflicts_with = "confirm")]
        accept: bool,
    },
}

/// `send`.
#[derive(Debug, Args)]
pub struct Send {
    /// The recipient's user id.
    pub uid: Uid,
    /// The text; - reads it from standard input, -- comes before a text that starts with a hyphen.
    #[arg(required = true, num_args = 1.., allow_negative_numbers = true)]
    pub text: Vec<String>,
}

/// `chat`.
#[derive(Debug, Args)]
pub struct Chat {
    /// The other person's user id.
    #[arg(required_unless_present = "group")]
    pub uid: Option<Uid>,
    /// Id of a group or channel to talk in instead.
    #[arg(long, value_name = "ID", conflicts_with = "uid")]
    pub group: Option<LogId>,
    /// How it is shown.
    #[command(flatten)]
    pub view: View,
}

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// The other person's user id.
    pub uid: Uid,
    /// Which page; 1 is the newest.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub page: u32,
    /// Messages a page.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

/// What is heard and said in a call, and how the other device is reached.
#[derive(Debug, Args)]
pub struct Sound {
    /// Play this WAV file (8, 12, 16, 24 or 48 kHz, one or two channels); silence without one.
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Write what the other one says to this WAV file (48 kHz, one channel); a file that is there is replaced.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Hang up so many seconds after the two are connected.
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: Option<u64>,
    /// Go through the server's relay alone: the other one does not learn this device's address.
    #[arg(long)]
    pub relay_only: bool,
    /// Talk to the relay in this way alone.
    #[arg(long, value_name = "TRANSPORT")]
    pub relay: Option<Relay>,
}

/// How a relay is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Relay {
    /// Datagrams.
    Udp,
    /// A stream, where datagrams do not get through.
    Tcp,
    /// A stream in TLS, where nothing else does.
    Tls,
}

/// `call`.
#[derive(Debug, Args)]
pub struct Call {
    /// Whom: a contact's user id; `echo` is the server's own contact that sends the sound back.
    pub who: Callee,
    /// What is heard and said.
    #[command(flatten)]
    pub sound: Sound,
}

/// `answer`.
#[derive(Debug, Args)]
pub struct Answer {
    /// Answer this contact alone.
    #[arg(long, value_name = "UID")]
    pub from: Option<Uid>,
    /// What is heard and said.
    #[command(flatten)]
    pub sound: Sound,
}

/// Whom to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    /// A person.
    Person(Uid),
    /// The server's echo.
    Echo,
}

impl std::str::FromStr for Callee {
    type Err = <Uid as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("echo") {
            return Ok(Self::Echo);
        }
        text.parse().map(Self::Person)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn texts_may_look_like_options() {
        let cli = Cli::try_parse_from(["melo-cli", "send", "10000001", "-1", "degrees", "--json"])
            .unwrap();
        assert!(cli.common.json);
        let Command::Send(send) = cli.command else {
            panic!("not send")
        };
        assert_eq!(send.text, ["-1", "degrees"]);
        let cli = Cli::try_parse_from(["melo-cli", "send", "10000001", "--", "--json"]).unwrap();
        let Command::Send(send) = cli.command else {
            panic!("not send")
        };
        assert_eq!(send.text, ["--json"]);
    }

    #[test]
    fn a_chat_is_with_somebody_or_in_a_group() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["melo-cli", "chat"], args].concat());
        assert!(parse(&["10000001"]).is_ok());
        assert!(parse(&["--group", "2743568499114308", "--listen"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["10000001", "--group", "5"]).is_err());
    }

    #[test]
    fn calls_are_to_people_or_to_the_echo() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["melo-cli", "call"], args].concat());
        let whom = |args: &[&str]| match parse(args).map(|cli| cli.command) {
            Ok(Command::Call(call)) => Some(call.who),
            _ => None,
        };
        assert_eq!(whom(&["echo"]), Some(Callee::Echo));
        let uid = "10000001".parse().unwrap();
        let options = ["10000001", "--relay-only", "--relay", "tls", "--for", "30"];
        assert_eq!(whom(&options), Some(Callee::Person(uid)));
        assert_eq!(whom(&["somebody"]), None);
        assert_eq!(whom(&["echo", "--for", "0"]), None);
    }

    #[test]
    fn user_ids_are_checked() {
        assert!(Cli::try_parse_from(["melo-cli", "send", "123", "x"]).is_err());
    }
}

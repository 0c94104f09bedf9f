//! `melo-cli`: a command-line chat client.

mod account;
mod args;
mod call;
mod catalogue;
mod chat;
mod contact;
mod fail;
mod group;
mod group_args;
mod local_time;
mod message;
mod output;
mod profile;
mod prompt;

use std::process::ExitCode;

use clap::Parser as _;
use melo_client::keystore::{ChatKind, Target};

use args::{Cli, Command};
use fail::Failure;

fn main() -> ExitCode {
    catalogue::choose_language(|name| std::env::var(name).ok());
    // Before any thread is there: the C library's time zone is safe to read only then.
    local_time::remember_offset();
    let cli = Cli::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    let done = runtime.block_on(run(cli));
    // A thread may still wait for a line to be typed.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Warnings of the SDK go to standard error when `MELO_LOG` asks for them; nothing by default.
fn start_log() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("MELO_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Register(new) => account::register(&common, new).await?,
        Command::Login(sign_in) => account::login(&common, sign_in).await?,
        Command::Whoami => account::whoami(&common).await?,
        Command::Backup(backup) => account::backup(&common, backup).await?,
        Command::Contact(command) => contact::run(&common, command).await?,
        Command::Send(send) => message::send(&common, send).await?,
        Command::History(history) => message::history(&common, history).await?,
        Command::Chat(chat) => {
            let group = chat.group.map(Target::chat);
            // One of the two is there: the command line was refused otherwise.
            if let Some(target) = group.or(chat.uid.map(Target::Person)) {
                return chat::run(&common, target, chat.view).await;
            }
        }
        Command::Call(call) => return call::call(&common, call).await,
        Command::Answer(answer) => return call::answer(&common, answer).await,
        Command::Group(command) => return group::run(&common, ChatKind::Group, command).await,
        Command::Channel(command) => return group::run(&common, ChatKind::Channel, command).await,
    }
    Ok(ExitCode::SUCCESS)
}

//! The `melo` server: command line, settings, keys, TLS, wiring, startup and shutdown. The layers below
//! know nothing of files and environment variables; what they need is handed to them from here.

mod admin;
mod audit;
pub mod banner;
mod cli;
mod data_dir;
mod doctor;
mod echo;
mod gateways;
mod housekeeping;
pub mod keys;
mod migrate;
mod offline;
mod open_files;
mod relay;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod tls;
mod wiring;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use melo_domain::{Clock, SystemClock};

use cli::{Cli, Command, DoctorTopic, KeysAction, MigrateAction};
use settings::{SECTIONS, Settings, Source, env_example};

/// The whole program.
pub fn main() -> ExitCode {
    // First of all: every TLS connection asks for it, and whoever asks before it is set panics.
    tls::install_crypto_provider();
    melo_telemetry::install_panic_hook();
    let cli = Cli::parse();
    if let Command::Doctor(args) = &cli.command
        && args.print_env_example
    {
        print!("{}", env_example(SECTIONS));
        return ExitCode::SUCCESS;
    }
    let source = match &cli.env_file {
        Some(file) => Source::read(file, true),
        None => Source::read(Path::new(".env"), false),
    };
    let source = match source {
        Ok(source) => source,
        Err(error) => return failure(&error),
    };
    let settings = Settings::from(&source);
    if let Command::Doctor(args) = &cli.command
        && let Some(DoctorTopic::Calls) = args.topic
    {
        return in_runtime(doctor::calls::run(settings));
    }
    if let Command::Doctor(_) = cli.command {
        let env_file = cli.env_file.as_deref().unwrap_or(Path::new(".env"));
        return in_runtime(doctor::run(settings, env_file));
    }
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return failure(&error),
    };
    if let Err(error) = melo_telemetry::init(&settings.log) {
        return failure(&error);
    }
    match cli.command {
        Command::Serve => in_runtime(async {
            match Box::pin(serve::run(settings)).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failure(&error),
            }
        }),
        Command::Migrate(args) => {
            let action = args.action.unwrap_or(MigrateAction::Up);
            in_runtime(async {
                match migrate::run(&settings, action).await {
                    Ok(true) => ExitCode::SUCCESS,
                    Ok(false) => ExitCode::FAILURE,
                    Err(error) => failure(&error),
                }
            })
        }
        Command::Admin(args) => in_runtime(async {
            match Box::pin(admin::run(&settings, args)).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failure(&error),
            }
        }),
        Command::Audit(args) => in_runtime(async {
            match Box::pin(audit::run(&settings, args)).await {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => failure(&error),
            }
        }),
        Command::Keys(args) => keys_command(&settings, args.action),
        // Handled above.
        Command::Doctor(_) => ExitCode::SUCCESS,
    }
}

fn keys_command(settings: &Settings, action: KeysAction) -> ExitCode {
    let now = SystemClock.now();
    if matches!(action, KeysAction::RotateJwt) {
        match keys::rotate_jwt(settings) {
            Ok(kid) => println!(
                "Access tokens are signed with the key {kid} from now on. A running server takes it over \
                 within seconds; tokens of the old key stay good until they expire."
            ),
            Err(error) => return failure(&error),
        }
    }
    if matches!(action, KeysAction::Init) {
        match keys::make_missing(settings, now) {
            Ok(made) if made.is_empty() => println!("Nothing was missing."),
            Ok(made) => {
                for file in made {
                    println!("made {}", file.display());
                }
            }
            Err(error) => return failure(&error),
        }
    }
    match keys::load(settings) {
        Ok(keys) => {
            print!("{}", keys::status::describe(settings, &keys, now));
            ExitCode::SUCCESS
        }
        Err(error) => failure(&keys::status::describe_missing(settings, &error)),
    }
}

fn in_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => failure(&error),
    }
}

fn failure(error: &dyn Display) -> ExitCode {
    eprintln!("melo: {error}");
    ExitCode::FAILURE
}

//! `melo-load`: measures a Melo server over TLS WebSockets, with as little work of its own as possible,
//! since it usually shares the server's processors. docs/PERFORMANCE.md tells how its figures are made.

#![allow(clippy::cast_precision_loss)] // counts, sizes and times, all far below 2^52

mod accounts;
mod args;
mod calls;
mod fail;
mod fanout;
mod files;
mod fill;
mod gather;
mod idle;
mod lab;
mod lists;
mod logins;
mod prepare;
mod process;
mod progress;
mod reconnect;
mod report;
mod run;
mod scan;
mod snapshot;
mod start;
mod turn;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;
use serde::Serialize;

use args::{Cli, Command, GroupArgs};
use fail::Failure;
use snapshot::Snapshot;

/// Messages a second, when nobody says.
const GROUP_RATE: f64 = 5.0;
const CHANNEL_RATE: f64 = 0.5;

fn main() -> ExitCode {
    let cli = Cli::parse();
    files::raise_open_files();
    // One thread: no message crosses between processors on our side, and the rest is left to the server.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).exit(),
    };
    let local = tokio::task::LocalSet::new();
    match local.block_on(&runtime, perform(cli)) {
        Ok(code) => code,
        Err(failure) => failure.exit(),
    }
}

async fn perform(cli: Cli) -> Result<ExitCode, Failure> {
    let json = cli.json;
    match cli.command {
        Command::Prepare(args) => {
            let target = snapshot::Target::from_files(&args.server, args.ws.as_deref(), &args.ca)?;
            let users = args.users.unwrap_or(args.pairs * 2);
            let made = prepare::prepare(&target, users, args.pairs).await?;
            made.save(&args.out)?;
            eprintln!("prepared {users} users, {} pairs", args.pairs);
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(args) => {
            let snapshot = Snapshot::load(&args.dir)?;
            let report = run::run(&snapshot, &args.plan, args.pid).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.faults.none()))
        }
        Command::Idle(args) => {
            let snapshot = Snapshot::load(&args.dir)?;
            let hold = std::time::Duration::from_secs(args.seconds);
            let report = idle::idle(&snapshot, args.connections, hold, args.pid).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.lost == 0))
        }
        Command::Login(args) => {
            let snapshot = Snapshot::load(&args.dir)?;
            let span = std::time::Duration::from_secs(args.seconds);
            let report = logins::measure(&snapshot, args.parallel, span, args.pid).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.failed == 0))
        }
        Command::Calls(args) => {
            let report = calls::measure(&Snapshot::load(&args.dir)?, &args).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.sound()))
        }
        Command::Group(args) => fan_out(json, &args, GROUP_RATE).await,
        Command::Channel(args) => fan_out(json, &args, CHANNEL_RATE).await,
        Command::Reconnect(args) => {
            let report = reconnect::measure(&Snapshot::load(&args.dir)?, &args).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.sound()))
        }
        Command::Lists(args) => {
            let report = lists::measure(&Snapshot::load(&args.dir)?, &args).await?;
            show(json, &report, &report.text());
            Ok(verdict(report.sound()))
        }
        Command::Start(args) => {
            let report = start::measure(&args.bin, args.times, &args.env).await?;
            show(json, &report, &report.text());
            Ok(ExitCode::SUCCESS)
        }
        Command::Turn(args) => {
            let report = turn::measure(&args).await?;
            show(json, &report, &report.text());
            Ok(ExitCode::SUCCESS)
        }
        Command::Lab(args) => {
            let report = lab::run(&args, json).await?;
            if json {
                show(true, &report, "");
            }
            Ok(verdict(report.sound()))
        }
    }
}

async fn fan_out(json: bool, args: &GroupArgs, rate: f64) -> Result<ExitCode, Failure> {
    let report = fanout::measure(&Snapshot::load(&args.dir)?, args, rate).await?;
    show(json, &report, &report.text());
    Ok(verdict(report.sound()))
}

fn show(json: bool, report: &impl Serialize, text: &str) {
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(report).unwrap_or_default()
        );
    } else {
        print!("{text}");
    }
}

fn verdict(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

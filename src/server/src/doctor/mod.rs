//! `melo doctor`: everything a server needs, one line per check.

pub mod calls;
mod finding;
mod machine;
mod ours;
mod outside;

use std::path::Path;
use std::process::ExitCode;

use melo_domain::{Clock, SystemClock};

use crate::data_dir;
use crate::settings::{Settings, SettingsError};
use finding::{Finding, Level};

/// Checks everything, prints the findings, and ends with exit code 1 when a check failed. Changes nothing.
pub async fn run(settings: Result<Settings, SettingsError>, env_file: &Path) -> ExitCode {
    let mut findings = machine::env_file(env_file);
    match settings {
        Ok(settings) => {
            findings.push(Finding::ok("settings", "all of them are well-formed"));
            for warning in &settings.warnings {
                findings.push(Finding::warn(
                    "settings",
                    warning.clone(),
                    "change or remove it",
                ));
            }
            findings.extend(check(&settings).await);
        }
        Err(SettingsError(problems)) => {
            for problem in problems {
                findings.push(Finding::fail(
                    "settings",
                    problem.to_string(),
                    "correct it; the other checks need it",
                ));
            }
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    verdict(&findings)
}

async fn check(settings: &Settings) -> Vec<Finding> {
    let now = SystemClock.now();
    let running = data_dir::is_in_use(&settings.storage.data_dir);
    let mut findings = Vec::new();
    findings.extend(machine::data_dir(&settings.storage.data_dir));
    findings.extend(machine::log_file(settings.log.file.as_deref()));
    findings.extend(ours::keys(settings, now));
    findings.extend(machine::ports(&settings.network, running));
    findings.push(ours::database(settings).await);
    findings.push(outside::mail(settings).await);
    findings.extend(outside::sms(settings));
    findings.push(machine::clock(settings, now));
    findings.push(machine::open_files());
    findings
}

fn verdict(findings: &[Finding]) -> ExitCode {
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let (failed, warned) = (count(Level::Fail), count(Level::Warn));
    println!();
    match (failed, warned) {
        (0, 0) => println!("Everything is in order."),
        (0, warned) => println!("Ready to serve; warnings: {warned}."),
        (failed, _) => println!("Checks that failed: {failed}. Each line says what to do."),
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests;

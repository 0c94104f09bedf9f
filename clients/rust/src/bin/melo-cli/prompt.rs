//! Asking for what was not given.

use std::io::{IsTerminal as _, Write as _};

use melo_domain::Secret;

use crate::catalogue::{Text, text};
use crate::fail::{Failure, USAGE};

fn on_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn must_be_on_terminal(option: &str) -> Result<(), Failure> {
    if on_terminal() {
        Ok(())
    } else {
        Err(Failure::new(USAGE, text(Text::Missing, &[&option])))
    }
}

/// `given`, or a line typed in answer to `question`. `option` is what to give instead.
pub fn line(given: Option<String>, question: Text, option: &str) -> Result<String, Failure> {
    let answer = if let Some(given) = given {
        given
    } else {
        must_be_on_terminal(option)?;
        eprint!("{}", text(question, &[]));
        std::io::stderr().flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        line
    };
    let answer = answer.trim().to_owned();
    if answer.is_empty() {
        Err(Failure::new(USAGE, text(Text::Empty, &[&option])))
    } else {
        Ok(answer)
    }
}

/// `given`, or a secret typed without being shown.
pub fn secret(given: Option<String>, question: Text, option: &str) -> Result<Secret, Failure> {
    let answer = if let Some(given) = given {
        given
    } else {
        must_be_on_terminal(option)?;
        rpassword::prompt_password(text(question, &[]))?
    };
    if answer.is_empty() {
        Err(Failure::new(USAGE, text(Text::Empty, &[&option])))
    } else {
        Ok(Secret::new(answer))
    }
}

/// As [`secret`], typed twice.
pub fn new_secret(given: Option<String>, question: Text, option: &str) -> Result<Secret, Failure> {
    let was_given = given.is_some();
    let first = secret(given, question, option)?;
    if !was_given && rpassword::prompt_password(text(Text::AskAgain, &[]))? != first.expose() {
        return Err(Failure::new(USAGE, text(Text::NotTheSame, &[])));
    }
    Ok(first)
}

/// Whether the person says yes. Without a terminal, the option that led here is the yes.
pub fn yes(question: Text) -> Result<bool, Failure> {
    if !on_terminal() {
        return Ok(true);
    }
    eprint!("{}", text(question, &[]));
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(
        line.trim().chars().next(),
        Some('y' | 'Y' | 'д' | 'Д')
    ))
}

//! `melo admin`: what the operator does at the machine itself.

use std::io::{IsTerminal, stdin};

use clap::{Args, Subcommand};
use melo_domain::{DisplayName, Phone, Role, Secret, Uid};
use melo_services::Origin;
use melo_services::admin::{self, AdminError, NewPerson};

use crate::offline::{Offline, OfflineError};
use crate::settings::Settings;

/// Arguments of `melo admin`.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: AdminCommand,
}

/// What `melo admin` does.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an account, an owner unless another role is named
    ///
    /// Asks for the password without showing it; or, when the input is not a terminal, takes its first line. It
    /// must be one that the server would take at a registration.
    /// Prints the new user id. No device is needed: sign in with any client afterwards.
    Create {
        /// Phone of the account, like +79991234567
        #[arg(long)]
        phone: Phone,
        /// Name, shown to contacts: 1 to 50 letters, digits, spaces, - or _
        #[arg(long)]
        name: DisplayName,
        /// user, moderator, admin or owner
        #[arg(long, default_value = "owner")]
        role: Role,
    },
    /// Give somebody a role: user, moderator, admin or owner
    ///
    /// Up or down. The last owner cannot be made anything else.
    Promote {
        /// User id, eight digits
        uid: Uid,
        /// user, moderator, admin or owner
        role: Role,
    },
    /// Take somebody's second factor away, for who has lost phone and recovery codes
    #[command(name = "reset-2fa")]
    ResetSecondFactor {
        /// User id, eight digits
        uid: Uid,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The database.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// Refused.
    #[error(transparent)]
    Refused(#[from] AdminError),
    /// The password could not be read.
    #[error("the password could not be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The two differ.
    #[error("the two passwords are not the same; nothing was done")]
    PasswordsDiffer,
}

/// Does it and says what was done.
pub async fn run(settings: &Settings, args: AdminArgs) -> Result<(), CommandError> {
    // Before the database: nobody waits for somebody who is typing.
    let password = match &args.action {
        AdminCommand::Create { .. } => Some(new_password()?),
        AdminCommand::Promote { .. } | AdminCommand::ResetSecondFactor { .. } => None,
    };
    let offline = Offline::open(settings).await?;
    let done = act(&offline, args.action, password).await;
    offline.close().await?;
    println!("{}", done?);
    Ok(())
}

async fn act(
    offline: &Offline,
    action: AdminCommand,
    password: Option<Secret>,
) -> Result<String, CommandError> {
    let core = &offline.core;
    let origin = Origin::server("melo admin");
    match action {
        AdminCommand::Create { phone, name, role } => {
            let new = NewPerson {
                phone,
                name,
                role,
                // Without one there is nothing that the rules would take.
                password: password.unwrap_or_else(|| Secret::new(String::new())),
            };
            let uid = admin::create_person(core, &origin, new).await?;
            Ok(format!("made {uid}, {role}"))
        }
        AdminCommand::Promote { uid, role } => {
            let before = admin::promote(core, &origin, uid, role).await?;
            Ok(format!("{uid} was {before} and is {role} now"))
        }
        AdminCommand::ResetSecondFactor { uid } => {
            admin::take_second_factor(core, &origin, uid).await?;
            Ok(format!("{uid} has no second factor any more"))
        }
    }
}

/// Asked for twice on a terminal; otherwise the first line of the input.
fn new_password() -> Result<Secret, CommandError> {
    if !stdin().is_terminal() {
        let mut line = String::new();
        stdin().read_line(&mut line)?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let first = Secret::new(rpassword::prompt_password("Password: ")?);
    let again = Secret::new(rpassword::prompt_password("Again: ")?);
    if first.expose() == again.expose() {
        Ok(first)
    } else {
        Err(CommandError::PasswordsDiffer)
    }
}

//! Where a profile is, and how it is opened.

use std::path::PathBuf;

use melo_client::Client;
use melo_client::client::Options;
use melo_client::keystore::{Server, Vault};

use crate::args::Common;
use crate::catalogue::{Text, text};
use crate::fail::{CONFIG, Failure, USAGE};
use crate::prompt;

/// The file in a profile's directory.
const FILE: &str = "keystore.melo";

/// The key store of the profile.
pub fn keystore(common: &Common) -> Result<PathBuf, Failure> {
    let well_formed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if common.profile.is_empty() || !common.profile.chars().all(well_formed) {
        return Err(Failure::new(USAGE, text(Text::ErrProfileName, &[])));
    }
    let home = match &common.home {
        Some(home) => home.clone(),
        None => std::env::home_dir()
            .filter(|h| !h.as_os_str().is_empty())
            .map(|h| h.join(".melo"))
            .ok_or_else(|| {
                Failure::new(CONFIG, text(Text::ErrHome, &[])).hint(text(Text::DoHome, &[]))
            })?,
    };
    Ok(home.join(&common.profile).join(FILE))
}

fn ca_pem(common: &Common) -> Result<Option<String>, Failure> {
    let Some(path) = &common.ca else {
        return Ok(None);
    };
    let read = std::fs::read_to_string(path);
    let failed = |error| Failure::new(CONFIG, text(Text::ErrFile, &[&path.display(), &error]));
    read.map(Some).map_err(failed)
}

/// The server as the command line names it.
pub fn server(common: &Common) -> Result<Server, Failure> {
    Ok(Server {
        url: common.server.clone(),
        ws: common.ws.clone(),
        ca_pem: ca_pem(common)?,
    })
}

/// Options for a key store that is made now, or opened when it is there.
pub fn options(common: &Common) -> Result<Options, Failure> {
    let keystore = keystore(common)?;
    let given = common.passphrase.clone();
    let passphrase = if Vault::exists(&keystore) {
        prompt::secret(given, Text::AskPassphrase, "--passphrase")?
    } else {
        prompt::new_secret(given, Text::AskNewPassphrase, "--passphrase")?
    };
    Ok(Options::new(keystore, passphrase))
}

fn existing(common: &Common) -> Result<Options, Failure> {
    let keystore = keystore(common)?;
    if !Vault::exists(&keystore) {
        let failure = Failure::new(CONFIG, text(Text::ErrNoProfile, &[&keystore.display()]));
        return Err(failure.hint(text(Text::DoRegister, &[])));
    }
    let passphrase = prompt::secret(
        common.passphrase.clone(),
        Text::AskPassphrase,
        "--passphrase",
    )?;
    Ok(Options::new(keystore, passphrase))
}

/// Opens the profile.
pub async fn open(common: &Common) -> Result<Client, Failure> {
    Ok(Client::open(existing(common)?, ca_pem(common)?).await?)
}

/// Opens the profile without asking the server anything.
pub async fn open_offline(common: &Common) -> Result<Client, Failure> {
    Ok(Client::open_offline(existing(common)?, ca_pem(common)?).await?)
}

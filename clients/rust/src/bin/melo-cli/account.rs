//! `register`, `login`, `whoami`, `backup`.

use melo_client::Client;
use melo_client::client::{Identity, Registration, SignIn};
use melo_client::keystore::Vault;
use melo_domain::{DisplayName, Phone, Secret};
use melo_protocol::ErrorCode;
use serde_json::json;

use crate::args::{Backup, Common, Login, Register};
use crate::catalogue::{Text, text};
use crate::fail::{CONFIG, Failure, USAGE};
use crate::{output, profile, prompt};

/// The shortest password the server takes, in bytes.
const MIN_PASSWORD: usize = 8;

fn recovery(given: Option<String>, passphrase: &Secret) -> Secret {
    given
        .filter(|r| !r.is_empty())
        .map_or_else(|| passphrase.clone(), Secret::new)
}

fn print_account(client: &Client) {
    let account = client.account();
    let answer =
        json!({"uid": account.uid, "device": account.device, "nickname": account.nickname});
    output::line(&answer);
}

/// What the server would refuse, said before anything is made.
fn check(phone: &str, name: &str, nickname: &str, password: &Secret) -> Result<(), Failure> {
    let wrong = if phone.parse::<Phone>().is_err() {
        Text::ErrPhone
    } else if name.parse::<DisplayName>().is_err() || nickname.parse::<DisplayName>().is_err() {
        Text::ErrName
    } else if password.expose().len() < MIN_PASSWORD {
        Text::ErrPassword
    } else {
        return Ok(());
    };
    Err(Failure::new(USAGE, text(wrong, &[])))
}

/// Makes an account.
pub async fn register(common: &Common, new: Register) -> Result<(), Failure> {
    let keystore = profile::keystore(common)?;
    if Vault::exists(&keystore) {
        let failure = Failure::new(CONFIG, text(Text::ErrProfileExists, &[&keystore.display()]));
        return Err(failure.hint(text(Text::DoOtherProfile, &[])));
    }
    let server = profile::server(common)?;
    let phone = prompt::line(new.phone, Text::AskPhone, "--phone")?;
    let name = prompt::line(new.name, Text::AskName, "--name")?;
    let nickname = new.nickname.unwrap_or_else(|| name.clone());
    let password = prompt::new_secret(new.password, Text::AskNewPassword, "--password")?;
    check(&phone, &name, &nickname, &password)?;
    let options = profile::options(common)?;
    let recovery = recovery(new.recovery, &options.passphrase);
    if !common.json {
        eprintln!("{}", text(Text::MakingKeys, &[]));
    }
    let registration = Registration {
        phone,
        name: name.clone(),
        nickname,
        password,
        recovery,
    };
    let client = Client::register(options, server, registration).await?;
    if common.json {
        print_account(&client);
    } else {
        output::line(text(Text::Registered, &[&name, &client.uid()]));
        output::line(text(Text::TellId, &[&client.uid()]));
        output::line(text(Text::KeepPassphrase, &[]));
    }
    Ok(())
}

/// Signs in.
pub async fn login(common: &Common, sign_in: Login) -> Result<(), Failure> {
    let again = Vault::exists(&profile::keystore(common)?);
    let server = profile::server(common)?;
    let identifier = prompt::line(sign_in.identifier, Text::AskIdentifier, "the user id")?;
    let password = prompt::secret(sign_in.password, Text::AskPassword, "--password")?;
    let options = profile::options(common)?;
    let recovery = if again
        || sign_in.new_identity
        || common.passphrase.is_some()
        || sign_in.recovery.is_some()
    {
        recovery(sign_in.recovery, &options.passphrase)
    } else {
        prompt::secret(None, Text::AskRecovery, "--recovery")?
    };
    let identity = if sign_in.new_identity {
        Identity::New(recovery)
    } else {
        Identity::Backup(recovery)
    };
    let mut sign_in_as = SignIn {
        identifier,
        password,
        code: sign_in.code.map(Secret::new),
        identity,
    };
    let first = Client::login(options.clone(), server.clone(), sign_in_as.clone()).await;
    let client = match first {
        Err(error) if error.code() == Some(ErrorCode::SecondFactorRequired) => {
            let code = prompt::secret(None, Text::AskCode, "--code")?;
            sign_in_as.code = Some(code);
            Client::login(options, server, sign_in_as).await?
        }
        other => other?,
    };
    if common.json {
        print_account(&client);
    } else {
        let name = client.account().name;
        output::line(text(Text::LoggedIn, &[&name, &client.uid()]));
    }
    Ok(())
}

/// Stores the key backup anew.
pub async fn backup(common: &Common, backup: Backup) -> Result<(), Failure> {
    let client = profile::open(common).await?;
    let given = backup.recovery.or_else(|| common.passphrase.clone());
    let recovery = prompt::new_secret(given, Text::AskRecovery, "--recovery")?;
    client.store_backup(recovery).await?;
    output::line(text(Text::BackedUp, &[]));
    Ok(())
}

/// Shows who this profile is.
pub async fn whoami(common: &Common) -> Result<(), Failure> {
    let keystore = profile::keystore(common)?;
    let client = profile::open_offline(common).await?;
    let account = client.account();
    if common.json {
        let answer = json!({
            "uid": account.uid,
            "name": account.name,
            "nickname": account.nickname,
            "phone": account.phone,
            "device": account.device,
            "server": client.server().https().as_str(),
            "keystore": keystore,
            "backed_up": client.is_backed_up(),
        });
        output::line(&answer);
        return Ok(());
    }
    let rows = [
        (Text::WhoUid, account.uid.to_string()),
        (Text::WhoName, account.name),
        (Text::WhoNickname, account.nickname),
        (Text::WhoPhone, account.phone),
        (Text::WhoDevice, account.device.to_string()),
        (Text::WhoServer, client.server().https().to_string()),
        (Text::WhoKeystore, keystore.display().to_string()),
    ];
    for (label, value) in rows {
        output::line(format!("{:<18}{value}", text(label, &[])));
    }
    if !client.is_backed_up() {
        output::line(text(Text::NoBackupYet, &[]));
    }
    Ok(())
}

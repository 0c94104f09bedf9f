//! `register`, `login`, `whoami`, `backup`.

use melo_client::Client;
use melo_client::client::{Identity, Options, Registration, SignIn};
use melo_client::keystore::{Server, Vault};
use melo_domain::{DisplayName, Phone, Secret};
use melo_protocol::ErrorCode;
use serde_json::json;

use crate::args::{Backup, Common, Login, Register};
use crate::catalogue::{self, Text, text};
use crate::fail::{CONFIG, Failure, USAGE};
use crate::{output, profile, prompt};

/// The shortest password that any server takes, in characters; most want more, and say so.
const MIN_PASSWORD: usize = 8;
/// Tries that the server allows for one code.
const CODE_TRIES: usize = 5;

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
    } else if password.expose().chars().count() < MIN_PASSWORD {
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
        code: new.code.map(Secret::new),
        invite: new.invite.map(Secret::new),
    };
    let client = admitted(&options, &server, registration).await?;
    if common.json {
        print_account(&client);
    } else {
        output::line(text(Text::Registered, &[&name, &client.uid()]));
        output::line(text(Text::TellId, &[&client.uid()]));
        output::line(text(Text::KeepPassphrase, &[]));
    }
    Ok(())
}

/// Registers; asks for the code or the invite when the server does.
async fn admitted(
    options: &Options,
    server: &Server,
    mut new: Registration,
) -> Result<Client, Failure> {
    let mut tries = 0;
    loop {
        let attempt = Client::register(options.clone(), server.clone(), new.clone()).await;
        let refused = match attempt {
            Ok(client) => return Ok(client),
            Err(refused) => refused,
        };
        match refused.code() {
            Some(ErrorCode::VerificationRequired) => {
                let language = catalogue::language_tag();
                let life = Client::request_code(options, server, &new.phone, language).await?;
                let minutes = life.as_secs() / 60;
                eprintln!("{}", text(Text::CodeSent, &[&new.phone, &minutes]));
                tries = CODE_TRIES;
            }
            // Mistyped, perhaps; what was given on the command line is not asked for.
            Some(ErrorCode::CodeInvalid) if tries > 1 => {
                eprintln!("{}", text(Text::ErrCode, &[]));
                tries -= 1;
            }
            Some(ErrorCode::InviteRequired) => {
                eprintln!("{}", text(Text::InvitedOnly, &[]));
                let invite = prompt::line(None, Text::AskInvite, "--invite")?;
                new.invite = Some(Secret::new(invite));
                continue;
            }
            _ => return Err(refused.into()),
        }
        let code = prompt::line(None, Text::AskPhoneCode, "--code")?;
        new.code = Some(Secret::new(code));
    }
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

//! `contact`.

use melo_client::Client;
use melo_client::client::Verification;
use melo_domain::Uid;
use serde_json::json;

use crate::args::{Common, Contact};
use crate::catalogue::{Text, text};
use crate::fail::Failure;
use crate::message::{name_of, plain};
use crate::{output, profile, prompt};

/// Runs a `contact` command.
pub async fn run(common: &Common, command: Contact) -> Result<(), Failure> {
    let client = profile::open(common).await?;
    match command {
        Contact::Add { uid, secret } => {
            client.add_contact(uid, secret).await?;
            done(common, "subscription_requested", uid, Text::Asked);
        }
        Contact::Accept { uid } => {
            client.accept_contact(uid).await?;
            done(common, "confirmed", uid, Text::Accepted);
        }
        Contact::List => list(common, &client).await?,
        Contact::Verify {
            uid,
            confirm,
            accept,
        } => verify(common, &client, uid, confirm, accept).await?,
    }
    Ok(())
}

fn done(common: &Common, status: &str, uid: Uid, what: Text) {
    if common.json {
        output::line(json!({"status": status, "uid": uid}));
    } else {
        output::line(text(what, &[&uid]));
    }
}

async fn list(common: &Common, client: &Client) -> Result<(), Failure> {
    let contacts = client.contacts().await?;
    let requests = client.requests();
    if common.json {
        let contacts: Vec<_> = contacts
            .iter()
            .map(|(uid, c)| {
                json!({"uid": uid, "nickname": c.nickname, "log": c.log, "verified": client.is_verified(*uid)})
            })
            .collect();
        let requests: Vec<_> = requests
            .iter()
            .map(|(uid, r)| json!({"uid": uid, "at": r.at}))
            .collect();
        output::line(json!({"contacts": contacts, "requests": requests}));
        return Ok(());
    }
    for (uid, contact) in &contacts {
        let verified = if client.is_verified(*uid) {
            text(Text::Verified, &[])
        } else {
            String::new()
        };
        let row = format!("{uid}  {:<30}  {verified}", plain(&contact.nickname));
        output::line(row.trim_end());
    }
    for (uid, _) in &requests {
        output::line(text(Text::RequestFrom, &[uid]));
    }
    if contacts.is_empty() && requests.is_empty() {
        output::line(text(Text::NoContacts, &[]));
    }
    Ok(())
}

async fn verify(
    common: &Common,
    client: &Client,
    uid: Uid,
    confirm: bool,
    accept: bool,
) -> Result<(), Failure> {
    let seen = client.verification(uid).await?;
    if client.nickname(uid).is_none() {
        // Only for the name: somebody whose request is open is not among the contacts.
        client.contacts().await?;
    }
    if !common.json {
        show(client, uid, &seen);
    }
    let mut verified = seen.verified;
    if confirm {
        verified = common.json || prompt::yes(Text::AskSame)?;
        if verified {
            client.trust_identity(uid, &seen.identity, true).await?;
        }
    } else if accept {
        client.trust_identity(uid, &seen.identity, false).await?;
    }
    if common.json {
        let answer = json!({
            "uid": uid,
            "safety_number": seen.number.digits(),
            "verified": verified,
            "changed": seen.changed && !verified && !accept,
        });
        output::line(&answer);
        return Ok(());
    }
    let outcome = match (confirm, accept) {
        (true, _) if verified => text(Text::MarkedVerified, &[&uid]),
        (true, _) => text(Text::NotConfirmed, &[]),
        (false, true) => text(Text::IdentityTrusted, &[&uid]),
        (false, false) if verified => text(Text::AlreadyVerified, &[]),
        (false, false) => text(Text::Compare, &[&uid]),
    };
    output::line(outcome);
    Ok(())
}

/// The number in three rows of four groups, as people read it out.
fn show(client: &Client, uid: Uid, seen: &Verification) {
    let name = name_of(client, uid);
    if seen.changed {
        output::line(text(Text::IdentityIsNew, &[&name]) + "\n");
    }
    output::line(text(Text::SafetyNumber, &[&name]) + "\n");
    let groups: Vec<_> = seen.number.groups().collect();
    for row in groups.chunks(4) {
        output::line(format!("    {}", row.join(" ")));
    }
    output::line("");
}

//! Works out whom a reset is for, and sends the proof. Runs in the worker.

use melo_crypto::{BearerToken, random};
use melo_domain::{CodePurpose, MailTokenPurpose, Phone};
use melo_storage::accounts::Account;
use melo_storage::jobs::{self, Claim};
use melo_storage::{DatabaseTransaction, StorageError, codes, emails, mail_tokens};
use serde_json::json;

use super::request_reset::QueuedReset;
use super::{CODE_LIFE, Channel, MAIL_TOKEN_LIFE, Whom};
use crate::audit::{self, Action, Object};
use crate::outgoing;
use crate::{Core, Origin};

/// Does the job and removes it in one transaction, so that it is done once however often it is begun.
pub async fn start_reset(core: &Core, claim: &Claim) -> Result<(), StorageError> {
    let Ok(queued) = serde_json::from_slice::<QueuedReset>(&claim.payload) else {
        return Err(StorageError::Corrupt("queued reset"));
    };
    let whom = Whom::parse(&queued.whom);
    let account = whom.find(core).await?;
    let tx = core.store.db.begin().await?;
    if !jobs::finish(&tx, claim).await? {
        return Ok(());
    }
    if let Some(account) = account
        && let Some(channel) = send(core, &tx, &account, &queued).await?
    {
        let origin = Origin::new(queued.address, &queued.user_agent, queued.request_id);
        let (action, object) = (Action::PasswordResetRequest, Object::User(account.uid));
        let details = json!({ "channel": channel });
        audit::record(core, &tx, &origin, None, action, object, &details).await?;
    }
    tx.commit().await?;
    core.wake_worker();
    Ok(())
}

/// Sends the proof by the way that was asked for, or by mail when there is a confirmed address. `None`: there is
/// no such way.
async fn send(
    core: &Core,
    tx: &DatabaseTransaction,
    account: &Account,
    queued: &QueuedReset,
) -> Result<Option<Channel>, StorageError> {
    let (keys, channels) = (&core.store.keys, core.policy.channels);
    let email = emails::find(tx, keys, account.uid).await?;
    let email = email.filter(|_| channels.mail && queued.channel != Some(Channel::Sms));
    if let Some(email) = email {
        let (token, hash) = BearerToken::generate();
        let expires = core.now().plus(MAIL_TOKEN_LIFE);
        let purpose = MailTokenPurpose::Reset;
        mail_tokens::put(tx, keys, account.uid, purpose, &hash, &email.email, expires).await?;
        let text = outgoing::reset_mail(queued.language, token.expose());
        outgoing::mail(core, tx, &email.email, text, expires).await?;
        return Ok(Some(Channel::Mail));
    }
    let phone: Option<Phone> = account.phone.parse().ok();
    let wanted = channels.sms && queued.channel != Some(Channel::Mail);
    let Some(phone) = phone.filter(|_| wanted) else {
        return Ok(None);
    };
    let code = random::digits::<6>();
    let expires = core.now().plus(CODE_LIFE);
    let subject = account.uid.to_string();
    codes::put(tx, keys, CodePurpose::Reset, &subject, &code, expires).await?;
    let text = outgoing::reset_code(queued.language, &code);
    outgoing::sms(core, tx, &phone, text, expires).await?;
    Ok(Some(Channel::Sms))
}

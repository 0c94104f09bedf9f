//! A new password from who was sent a code or a token.

use melo_crypto::TokenHash;
use melo_domain::{CodePurpose, MailTokenPurpose, Secret, Uid};
use melo_protocol::CloseCode;
use melo_storage::accounts::{self, Account};
use melo_storage::{DatabaseTransaction, StorageError, codes, mail_tokens};
use serde_json::json;

use super::{CredentialError, Whom, check_code, check_fit, replace_password};
use crate::audit::{self, Action, Object};
use crate::{Core, Origin, limits, sessions};

/// What somebody was sent.
pub enum ResetProof {
    /// By mail.
    Token(Secret),
    /// To the phone.
    Code {
        /// Whose phone.
        whom: Whom,
        /// The digits.
        code: Secret,
    },
}

/// What spends the proof.
enum Spend {
    Token(i64),
    Code(i64),
}

impl Spend {
    /// Whether nobody has been faster.
    async fn stands(&self, core: &Core) -> Result<bool, StorageError> {
        let db = core.store.db.read();
        match self {
            Self::Token(id) => mail_tokens::stands(db, *id).await,
            Self::Code(id) => codes::stands(db, *id).await,
        }
    }

    async fn spend(&self, tx: &DatabaseTransaction) -> Result<bool, StorageError> {
        match self {
            Self::Token(id) => mail_tokens::spend(tx, *id).await,
            Self::Code(id) => codes::spend(tx, *id).await,
        }
    }

    fn refused(&self) -> CredentialError {
        match self {
            Self::Token(_) => CredentialError::TokenInvalid,
            Self::Code(_) => CredentialError::CodeInvalid,
        }
    }
}

/// Replaces the password and ends everything that was proven with the old one. A proof is good for one new
/// password; one that breaks a rule does not use it up.
pub async fn reset_password(
    core: &Core,
    origin: &Origin,
    proof: ResetProof,
    new: Secret,
) -> Result<(), CredentialError> {
    limits::open_call(core, origin.address).await?;
    let (account, spend) = match proof {
        ResetProof::Token(token) => by_token(core, &token).await?,
        ResetProof::Code { whom, code } => by_code(core, &whom, &code).await?,
    };
    check_fit(core, &new, &account).await?;
    // Looked at once more, as that took a while: who comes too late has no password hashed for nothing.
    if !spend.stands(core).await? {
        return Err(spend.refused());
    }
    let hash = core.passwords.hash(new).await?;
    let uid = account.uid;
    let tx = core.store.db.begin().await?;
    if !spend.spend(&tx).await? {
        return Err(spend.refused());
    }
    let ended = replace_password(core, &tx, uid, &hash, None).await?;
    let by = match spend {
        Spend::Token(_) => "mail",
        Spend::Code(_) => "sms",
    };
    let details = json!({"by": by, "sessions_ended": ended.count()});
    let (action, object) = (Action::PasswordReset, Object::User(uid));
    audit::record(core, &tx, origin, Some(uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}

async fn by_token(core: &Core, token: &Secret) -> Result<(Account, Spend), CredentialError> {
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    let hash = TokenHash::of(token.expose().trim());
    let found = mail_tokens::find(db, keys, MailTokenPurpose::Reset, &hash).await?;
    let found = found
        .filter(|token| token.expires > core.now())
        .ok_or(CredentialError::TokenInvalid)?;
    let account = accounts::find(db, keys, found.uid).await?;
    let account = account.ok_or(CredentialError::TokenInvalid)?;
    Ok((account, Spend::Token(found.id)))
}

async fn by_code(
    core: &Core,
    whom: &Whom,
    code: &Secret,
) -> Result<(Account, Spend), CredentialError> {
    let account = whom.find(core).await?;
    // Looked for under nobody's id as well, so that both take the same time.
    let nobody = Uid::from_random(0);
    let uid = account.as_ref().map_or(nobody, |account| account.uid);
    let id = check_code(core, CodePurpose::Reset, &uid.to_string(), code).await?;
    let account = account.ok_or(CredentialError::CodeInvalid)?;
    Ok((account, Spend::Code(id)))
}

//! The audit log: appended to, never changed. Each entry carries a link of the chain that holds it to the
//! ones before it.

use melo_crypto::{AUDIT_START, AuditChain, Keyring};
use melo_domain::{Timestamp, Uid};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::{audit_head, audit_log};
use crate::sealed::RowSeal;

const TABLE: &str = "audit_log";
const HEAD: i64 = 1;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Position: 1 is the first, there are no gaps. 0 before it is written.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for the server itself or somebody unknown.
    pub actor: Option<Uid>,
    /// What, as in `session.revoke`.
    pub action: String,
    /// To what, as in `user:10000001`.
    pub object: String,
    /// JSON.
    pub details: String,
    /// Where the call came from.
    pub ip_address: String,
    /// As sent.
    pub user_agent: String,
    /// Of the call.
    pub request_id: String,
}

impl AuditEntry {
    fn link(&self, chain: &AuditChain, previous: &[u8; 32]) -> [u8; 32] {
        let actor = self.actor.map_or(0, Uid::to_i64);
        chain.link(
            previous,
            &[
                &self.id.to_be_bytes(),
                &self.at.millis().to_be_bytes(),
                &actor.to_be_bytes(),
                self.action.as_bytes(),
                self.object.as_bytes(),
                self.details.as_bytes(),
                self.ip_address.as_bytes(),
                self.user_agent.as_bytes(),
                self.request_id.as_bytes(),
            ],
        )
    }
}

/// Where the chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last entry.
    pub last_id: i64,
    /// Its link.
    pub link: [u8; 32],
}

impl Head {
    /// Before the first entry.
    pub const START: Self = Self {
        last_id: 0,
        link: AUDIT_START,
    };
}

fn link_of(bytes: &[u8]) -> Result<[u8; 32], StorageError> {
    bytes
        .try_into()
        .map_err(|_| StorageError::Corrupt("audit link"))
}

/// Where the chain stands.
pub async fn head(conn: &impl ConnectionTrait) -> Result<Head, StorageError> {
    let row = audit_head::Entity::find_by_id(HEAD).one(conn).await?;
    let row = row.ok_or(StorageError::Corrupt("audit head"))?;
    Ok(Head {
        last_id: row.last_id,
        link: link_of(&row.chain)?,
    })
}

/// Appends an entry; its `id` is given here. The last thing a transaction does: from here to its commit
/// nobody else appends.
pub async fn append(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    chain: &AuditChain,
    mut entry: AuditEntry,
) -> Result<i64, StorageError> {
    // The update takes the head's lock on every database, before the head is read.
    audit_head::Entity::update_many()
        .col_expr(
            audit_head::Column::LastId,
            Expr::col(audit_head::Column::LastId).add(1),
        )
        .filter(audit_head::Column::Id.eq(HEAD))
        .exec(tx)
        .await?;
    let Head { last_id, link } = head(tx).await?;
    entry.id = last_id;
    let link = entry.link(chain, &link);
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Chain, Expr::value(link.to_vec()))
        .filter(audit_head::Column::Id.eq(HEAD))
        .exec(tx)
        .await?;
    let seal = RowSeal::new(keys, TABLE, entry.id);
    let row = audit_log::ActiveModel {
        id: Set(entry.id),
        at: Set(seal.time("at", entry.at)?),
        actor: Set(entry.actor.map(Uid::to_i64)),
        action: Set(entry.action),
        object: Set(entry.object),
        details: Set(seal.text("details", &entry.details)?),
        ip_address: Set(seal.text("ip_address", &entry.ip_address)?),
        user_agent: Set(seal.text("user_agent", &entry.user_agent)?),
        request_id: Set(entry.request_id),
        chain: Set(link.to_vec()),
    };
    row.insert(tx).await?;
    Ok(entry.id)
}

fn open(keys: &Keyring, row: audit_log::Model) -> Result<(AuditEntry, [u8; 32]), StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.id);
    let link = link_of(&row.chain)?;
    let entry = AuditEntry {
        id: row.id,
        at: seal.open_time("at", &row.at)?,
        actor: row.actor.map(Uid::from_i64).transpose()?,
        details: seal.open_text("details", &row.details)?,
        ip_address: seal.open_text("ip_address", &row.ip_address)?,
        user_agent: seal.open_text("user_agent", &row.user_agent)?,
        action: row.action,
        object: row.object,
        request_id: row.request_id,
    };
    Ok((entry, link))
}

/// What to look for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// By whom.
    pub actor: Option<Uid>,
    /// What.
    pub action: Option<String>,
    /// To what.
    pub object: Option<String>,
}

/// Entries that fit, newest first, before the entry `before`, `limit` at most.
pub async fn search(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<AuditEntry>, StorageError> {
    use audit_log::Column;
    let mut query = audit_log::Entity::find();
    if let Some(actor) = filter.actor {
        query = query.filter(Column::Actor.eq(actor.to_i64()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(Column::Action.eq(action.as_str()));
    }
    if let Some(object) = &filter.object {
        query = query.filter(Column::Object.eq(object.as_str()));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    let rows = query
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Ok(open(keys, row)?.0)).collect()
}

/// Checks a page of the chain: up to `limit` entries after `after`, whose link is `link`. Returns where that
/// leads, or the first entry that does not fit.
pub async fn verify_page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    chain: &AuditChain,
    after: Head,
    limit: u64,
) -> Result<Verified, StorageError> {
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::Id.gt(after.last_id))
        .order_by_asc(audit_log::Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    let mut at = after;
    for row in rows {
        let id = row.id;
        if id != at.last_id + 1 {
            return Ok(Verified::Broken(at.last_id + 1));
        }
        let Ok((entry, link)) = open(keys, row) else {
            return Ok(Verified::Broken(id));
        };
        if entry.link(chain, &at.link) != link {
            return Ok(Verified::Broken(id));
        }
        at = Head { last_id: id, link };
    }
    Ok(Verified::Good(at))
}

/// What came of checking a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It holds up to here.
    Good(Head),
    /// This entry is missing, was changed, or does not belong there.
    Broken(i64),
}

//! Groups and channels: what a chat is called and by which rules it goes. Who is in it is in [`crate::chat_members`],
//! what was written in its log.

use std::collections::HashMap;

use melo_crypto::Keyring;
use melo_domain::{LogId, LogKind, Seq, Timestamp, Uid};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::chats::{ActiveModel, Column, Entity};
use crate::entity::{
    chat_bans, chat_invitations, chat_invites, chat_keys, chat_requests, cursors, drafts,
    event_changes, events, expiries, log_members, logs, pins,
};
use crate::sealed::{RowSeal, Sealed};

const TABLE: &str = "chats";

/// A chat without its picture.
// The switches of a chat are told apart by name on the wire and in its row.
#[expect(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Its id, which is its log's.
    pub log: LogId,
    /// Group or channel.
    pub kind: LogKind,
    /// Who owns it.
    pub owner: Uid,
    /// Whether everybody with its code sees what it is and may join.
    pub is_public: bool,
    /// Whether who joins by a code waits to be let in.
    pub by_request: bool,
    /// Whether new members read what was before them.
    pub share_history: bool,
    /// Seconds a member waits between two messages; 0: none.
    pub slow_mode: u32,
    /// Seconds a message lives; 0: as long as the log keeps it.
    pub disappearing: u64,
    /// Seconds that events are kept; 0: as long as the server keeps them.
    pub retention: u64,
    /// Personal.
    pub title: String,
    /// Personal.
    pub description: Option<String>,
    /// Whether it has a picture.
    pub has_avatar: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// A chat's row without the picture, which is large.
#[derive(sea_orm::FromQueryResult)]
struct Card {
    id: i64,
    owner: i64,
    is_public: bool,
    by_request: bool,
    share_history: bool,
    slow_mode: i32,
    title: Sealed,
    description: Option<Sealed>,
    avatar_mime: Option<Sealed>,
    created_at: Sealed,
}

fn seal(keys: &Keyring, log: LogId) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, log)
}

fn open(keys: &Keyring, card: &Card, log: &logs::Model) -> Result<Chat, StorageError> {
    let id = LogId::from_i64(card.id)?;
    let seal = seal(keys, id);
    let description = card.description.as_ref();
    Ok(Chat {
        log: id,
        kind: LogKind::from_code(log.kind)?,
        owner: Uid::from_i64(card.owner)?,
        is_public: card.is_public,
        by_request: card.by_request,
        share_history: card.share_history,
        slow_mode: u32::try_from(card.slow_mode).unwrap_or(0),
        disappearing: log.disappearing.unsigned_abs(),
        retention: log.retention.unsigned_abs(),
        title: seal.open_text("title", &card.title)?,
        description: description
            .map(|text| seal.open_text("description", text))
            .transpose()?,
        has_avatar: card.avatar_mime.is_some(),
        created: seal.open_time("created_at", &card.created_at)?,
    })
}

/// Writes a new chat. Its log is there already.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    chat: &Chat,
) -> Result<(), StorageError> {
    let seal = seal(keys, chat.log);
    let description = chat.description.as_ref();
    let row = ActiveModel {
        id: Set(chat.log.to_i64()),
        owner: Set(chat.owner.to_i64()),
        is_public: Set(chat.is_public),
        by_request: Set(chat.by_request),
        share_history: Set(chat.share_history),
        slow_mode: Set(i32::try_from(chat.slow_mode).unwrap_or(i32::MAX)),
        title: Set(seal.text("title", &chat.title)?),
        description: Set(description
            .map(|text| seal.text("description", text))
            .transpose()?),
        avatar: Set(None),
        avatar_mime: Set(None),
        created_at: Set(seal.time("created_at", chat.created)?),
    };
    row.insert(conn).await?;
    Ok(())
}

/// One chat.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
) -> Result<Option<Chat>, StorageError> {
    Ok(by_ids(conn, keys, &[log]).await?.remove(&log))
}

/// Several chats, in two queries. What is no chat is left out.
pub async fn by_ids(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    ids: &[LogId],
) -> Result<HashMap<LogId, Chat>, StorageError> {
    let ids: Vec<i64> = ids.iter().map(|log| log.to_i64()).collect();
    let rows = logs::Entity::find()
        .filter(logs::Column::Id.is_in(ids.iter().copied()))
        .all(conn)
        .await?;
    let rows: HashMap<i64, logs::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let cards: Vec<Card> = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::Owner,
            Column::IsPublic,
            Column::ByRequest,
            Column::ShareHistory,
            Column::SlowMode,
            Column::Title,
            Column::Description,
            Column::AvatarMime,
            Column::CreatedAt,
        ])
        .filter(Column::Id.is_in(ids))
        .into_model()
        .all(conn)
        .await?;
    let mut chats = HashMap::with_capacity(cards.len());
    for card in &cards {
        let log = rows
            .get(&card.id)
            .ok_or(StorageError::Corrupt("chat without a log"))?;
        let chat = open(keys, card, log)?;
        chats.insert(chat.log, chat);
    }
    Ok(chats)
}

/// How many chats a person owns.
pub async fn owned_by(conn: &impl ConnectionTrait, uid: Uid) -> Result<u64, StorageError> {
    let owned = Entity::find().filter(Column::Owner.eq(uid.to_i64()));
    Ok(owned.count(conn).await?)
}

/// The chats that a person owns.
pub async fn owned(conn: &impl ConnectionTrait, uid: Uid) -> Result<Vec<LogId>, StorageError> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Owner.eq(uid.to_i64()))
        .into_tuple()
        .all(conn)
        .await?;
    ids.into_iter().map(|id| Ok(LogId::from_i64(id)?)).collect()
}

/// What is to be changed; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChatUpdate {
    /// Another owner.
    pub owner: Option<Uid>,
    /// Another title.
    pub title: Option<String>,
    /// Another description; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// See [`Chat`].
    pub is_public: Option<bool>,
    /// See [`Chat`].
    pub by_request: Option<bool>,
    /// See [`Chat`].
    pub share_history: Option<bool>,
    /// See [`Chat`].
    pub slow_mode: Option<u32>,
    /// See [`Chat`].
    pub disappearing: Option<u64>,
    /// See [`Chat`].
    pub retention: Option<u64>,
}

/// Changes a chat.
pub async fn update(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    change: &ChatUpdate,
) -> Result<(), StorageError> {
    let seal = seal(keys, log);
    let mut row = ActiveModel {
        id: Set(log.to_i64()),
        ..Default::default()
    };
    if let Some(owner) = change.owner {
        row.owner = Set(owner.to_i64());
    }
    if let Some(title) = &change.title {
        row.title = Set(seal.text("title", title)?);
    }
    if let Some(text) = &change.description {
        let sealed = text.as_ref().map(|text| seal.text("description", text));
        row.description = Set(sealed.transpose()?);
    }
    row.is_public = change.is_public.map_or(NotSet, Set);
    row.by_request = change.by_request.map_or(NotSet, Set);
    row.share_history = change.share_history.map_or(NotSet, Set);
    if let Some(seconds) = change.slow_mode {
        row.slow_mode = Set(i32::try_from(seconds).unwrap_or(i32::MAX));
    }
    if row.is_changed() {
        row.update(tx).await?;
    }
    let of_log = logs::ActiveModel {
        id: Set(log.to_i64()),
        disappearing: change.disappearing.map_or(NotSet, |s| Set(s.cast_signed())),
        retention: change.retention.map_or(NotSet, |s| Set(s.cast_signed())),
        ..Default::default()
    };
    if of_log.is_changed() {
        of_log.update(tx).await?;
    }
    Ok(())
}

/// A chat's picture: the file and its media type.
pub async fn avatar(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
) -> Result<Option<(Vec<u8>, String)>, StorageError> {
    let Some(row) = Entity::find_by_id(log.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let (Some(image), Some(mime)) = (&row.avatar, &row.avatar_mime) else {
        return Ok(None);
    };
    let seal = seal(keys, log);
    let image = seal.open("avatar", image)?.to_vec();
    Ok(Some((image, seal.open_text("avatar_mime", mime)?)))
}

/// Sets or takes away a chat's picture.
pub async fn set_avatar(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    avatar: Option<(&[u8], &str)>,
) -> Result<(), StorageError> {
    let seal = seal(keys, log);
    let (image, mime) = match avatar {
        Some((image, mime)) => (
            Some(seal.bytes("avatar", image)?),
            Some(seal.text("avatar_mime", mime)?),
        ),
        None => (None, None),
    };
    let row = ActiveModel {
        id: Set(log.to_i64()),
        avatar: Set(image),
        avatar_mime: Set(mime),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}

/// Deletes a chat with everything in it but the event `last`, which says that it is gone. Its log's row stays with it:
/// whoever was about to write there finds the number taken and nobody in it, instead of an empty place.
pub async fn delete(tx: &impl ConnectionTrait, log: LogId, last: Seq) -> Result<(), StorageError> {
    let id = log.to_i64();
    macro_rules! clear {
        ($($table:ident.$column:ident),* $(,)?) => {$(
            $table::Entity::delete_many()
                .filter($table::Column::$column.eq(id))
                .exec(tx)
                .await?;
        )*};
    }
    clear!(
        chat_invites.Chat,
        chat_requests.Chat,
        chat_invitations.Chat,
        chat_bans.Chat,
        chat_keys.Log,
        cursors.Log,
        drafts.Log,
        event_changes.Log,
        expiries.Log,
        pins.Log,
        log_members.Log,
    );
    let before = last.cast_signed();
    events::Entity::delete_many()
        .filter(events::Column::Log.eq(id))
        .filter(events::Column::Seq.lt(before))
        .exec(tx)
        .await?;
    let stone = logs::ActiveModel {
        id: Set(id),
        pruned_seq: Set(before.saturating_sub(1)),
        members_seq: Set(before),
        removed_seq: Set(before),
        disappearing: Set(0),
        retention: Set(0),
        ..Default::default()
    };
    stone.update(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

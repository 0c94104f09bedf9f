//! Chats on every database there is: their doors, their members, events to many logs at once, and what a deletion
//! leaves.

use melo_crypto::TokenHash;
use melo_domain::{ChatRole, DeviceHandle, EventKind, LogId, LogKind, Seq, Timestamp, Uid};
use melo_storage::chat_invites::{self, ChatInvite};
use melo_storage::chat_lists::{self, ChatList, Listed};
use melo_storage::chats::{self, Chat};
use melo_storage::cursors::{self, Position};
use melo_storage::logs::{self, NewMember};
use melo_storage::{NewEvent, StorageError, Store, chat_members, devices, directory, events};

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

fn later(seconds: u64) -> Timestamp {
    NOW.plus(std::time::Duration::from_secs(seconds))
}

async fn chat(store: &Store, n: u64, owner: Uid) -> Result<LogId, StorageError> {
    let log = LogId::from_random(n);
    let tx = store.db.begin().await?;
    logs::create(&tx, &store.keys, log, LogKind::Group, &[], NOW).await?;
    let chat = Chat {
        log,
        kind: LogKind::Group,
        owner,
        is_public: false,
        by_request: false,
        share_history: false,
        slow_mode: 0,
        disappearing: 0,
        retention: 0,
        title: "Choir practice".to_owned(),
        description: None,
        has_avatar: false,
        created: NOW,
    };
    chats::insert(&tx, &store.keys, &chat).await?;
    add(store, &tx, log, owner, ChatRole::Owner, NOW).await?;
    tx.commit().await?;
    Ok(log)
}

async fn add(
    store: &Store,
    conn: &impl melo_storage::ConnectionTrait,
    log: LogId,
    uid: Uid,
    role: ChatRole,
    at: Timestamp,
) -> Result<(), StorageError> {
    let member = NewMember {
        uid,
        role,
        from_seq: 1,
    };
    logs::add_member(conn, &store.keys, log, member, at).await
}

async fn append(
    store: &Store,
    log: LogId,
    kind: EventKind,
    at: Timestamp,
    text: &str,
) -> Result<Seq, StorageError> {
    let tx = store.db.begin().await?;
    let new = NewEvent::new(log, kind, Uid::from_random(1), format!("\"{text}\""));
    let event = events::append(&tx, &store.keys, new, at).await?;
    tx.commit().await?;
    Ok(event.seq)
}

macro_rules! on_all {
    ($($name:ident: $story:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            for database in databases::all().await {
                let store = databases::store(&database.db).await;
                let told = $story(&store).await;
                told.unwrap_or_else(|error| panic!("{}: {error}", database.name));
                drop(store);
                database.remove().await;
            }
        }
    )*};
}

on_all! {
    people_at_the_door_are_listed_by_the_page: door;
    an_invite_is_used_as_often_as_it_says: invites;
    many_logs_are_written_and_read_at_once: many_logs;
    the_longest_serving_inherits: heirs;
    a_deleted_chat_leaves_its_last_event: deletion;
    positions_are_read_by_person_and_forgotten_by_log: positions;
}

async fn door(store: &Store) -> Result<(), StorageError> {
    let (db, keys) = (store.db.write(), &store.keys);
    let log = chat(store, 7, Uid::from_random(1)).await?;
    for list in [ChatList::Requests, ChatList::Invitations, ChatList::Bans] {
        for n in 2..7 {
            let uid = Uid::from_random(n);
            let by = if list == ChatList::Requests {
                uid
            } else {
                Uid::from_random(1)
            };
            let entry = Listed {
                chat: log,
                uid,
                by,
                created: later(n),
            };
            chat_lists::add(db, keys, list, entry).await?;
            assert_eq!(
                chat_lists::find(db, keys, list, log, uid).await?,
                Some(entry)
            );
            let twice = chat_lists::add(db, keys, list, entry).await;
            assert!(twice.is_err_and(|error| error.is_unique_violation()));
        }
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = chat_lists::of_chat(db, keys, list, log, after, 2).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.uid);
            seen.extend(page.iter().map(|entry| entry.uid));
        }
        assert_eq!(seen, (2..7).map(Uid::from_random).collect::<Vec<_>>());
        let uid = Uid::from_random(3);
        assert_eq!(
            chat_lists::of_person(db, keys, list, uid, 9).await?.len(),
            1
        );
        assert!(chat_lists::remove(db, list, log, uid).await?);
        assert!(!chat_lists::remove(db, list, log, uid).await?);
    }
    Ok(())
}

fn code_of(n: i64, log: LogId, uses_left: Option<u32>) -> ChatInvite {
    ChatInvite {
        id: n,
        chat: log,
        created_by: Uid::from_random(1),
        code: melo_domain::Secret::new(format!("code {n}")),
        public: false,
        uses: 0,
        uses_left,
        expires: Some(later(60)),
        created: NOW,
    }
}

async fn invites(store: &Store) -> Result<(), StorageError> {
    let (db, keys) = (store.db.write(), &store.keys);
    let log = chat(store, 7, Uid::from_random(1)).await?;
    chat_invites::insert(db, keys, &code_of(1, log, Some(2))).await?;
    chat_invites::insert(db, keys, &code_of(2, log, None)).await?;
    let public = ChatInvite {
        public: true,
        expires: None,
        ..code_of(3, log, None)
    };
    chat_invites::insert(db, keys, &public).await?;
    for taken in [true, true, false] {
        assert_eq!(chat_invites::take_use(db, 1).await?, taken);
    }
    for _ in 0..5 {
        assert!(chat_invites::take_use(db, 2).await?);
    }
    let spent = chat_invites::find(db, keys, &TokenHash::of("code 1")).await?;
    let spent = spent.ok_or(StorageError::Corrupt("invite"))?;
    assert_eq!((spent.uses, spent.uses_left), (2, Some(0)));
    assert!(!spent.is_good(NOW));
    let endless = chat_invites::by_id(db, keys, 2).await?;
    let endless = endless.ok_or(StorageError::Corrupt("invite"))?;
    assert_eq!((endless.uses, endless.uses_left), (5, None));
    assert!(endless.is_good(NOW) && !endless.is_good(later(60)));
    assert_eq!(chat_invites::count(db, log).await?, 2);
    assert_eq!(chat_invites::of_chat(db, keys, log).await?.len(), 2);
    let codes = chat_invites::public_codes(db, keys, &[log]).await?;
    assert_eq!(
        codes.get(&log).map(|code| code.expose().to_owned()),
        Some("code 3".to_owned())
    );
    assert_eq!(chat_invites::sweep(db, later(3 * 86_400), 1).await?, 2);
    chat_invites::remove_public(db, log).await?;
    assert!(
        chat_invites::public_codes(db, keys, &[log])
            .await?
            .is_empty()
    );
    Ok(())
}

async fn many_logs(store: &Store) -> Result<(), StorageError> {
    let keys = &store.keys;
    let owner = Uid::from_random(1);
    let mut logs_made = Vec::new();
    for n in 0..5 {
        let log = chat(store, 100 + n, owner).await?;
        for m in 0..n {
            append(store, log, EventKind::Message, later(m), "text").await?;
        }
        logs_made.push(log);
    }
    append(
        store,
        logs_made[4],
        EventKind::Message,
        later(9),
        &"long".repeat(20_000),
    )
    .await?;
    let tx = store.db.begin().await?;
    let new = logs_made
        .iter()
        .rev()
        .map(|log| NewEvent::new(*log, EventKind::KeysChanged, owner, "{}"))
        .collect();
    let written = events::append_each(&tx, keys, new, later(20)).await?;
    logs::note_members_changes(&tx, &logs_made[..2], true).await?;
    logs::note_members_changes(&tx, &logs_made[2..], false).await?;
    tx.commit().await?;
    let seqs: Vec<Seq> = written.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [6, 4, 3, 2, 1]);
    let bounds = logs::bounds_of(store.db.read(), &logs_made).await?;
    assert_eq!(bounds.len(), 5);
    for (n, log) in logs_made.iter().enumerate() {
        let of = bounds[log];
        assert_eq!(of.members_seq, of.last_seq);
        assert_eq!(of.removed_seq, if n < 2 { of.last_seq } else { 0 });
    }
    let from: Vec<(LogId, Seq)> = logs_made.iter().map(|log| (*log, 1)).collect();
    let last = events::last_messages(store.db.read(), keys, &from).await?;
    assert_eq!(last.get(&logs_made[0]), None, "no message");
    assert_eq!(last.get(&logs_made[3]), Some(&later(2)));
    let day = Timestamp::from_millis(i64::from(NOW.day()) * 86_400_000);
    assert_eq!(
        last.get(&logs_made[4]),
        Some(&day),
        "too long to be opened for its time"
    );
    let hidden = events::last_messages(store.db.read(), keys, &[(logs_made[3], 4)]).await?;
    assert!(hidden.is_empty(), "before the reader came");
    Ok(())
}

async fn heirs(store: &Store) -> Result<(), StorageError> {
    let (db, keys) = (store.db.write(), &store.keys);
    let log = chat(store, 7, Uid::from_random(1)).await?;
    assert_eq!(chat_members::heir(db, keys, log).await?, None);
    for (n, at) in [(2, 50), (3, 20), (4, 30)] {
        add(
            store,
            db,
            log,
            Uid::from_random(n),
            ChatRole::Member,
            later(at),
        )
        .await?;
    }
    assert_eq!(
        chat_members::heir(db, keys, log).await?,
        Some(Uid::from_random(3))
    );
    for (n, at) in [(5, 90), (6, 80)] {
        add(
            store,
            db,
            log,
            Uid::from_random(n),
            ChatRole::Admin,
            later(at),
        )
        .await?;
    }
    assert_eq!(
        chat_members::heir(db, keys, log).await?,
        Some(Uid::from_random(6))
    );
    let mut leaders = chat_members::leaders(db, log).await?;
    leaders.sort_unstable();
    assert_eq!(leaders, [1, 5, 6].map(Uid::from_random));
    assert_eq!(chat_members::count(db, log).await?, 6);
    let membership = chat_members::membership(db, Uid::from_random(6), log).await?;
    assert_eq!(membership.map(|m| m.role), Some(ChatRole::Admin));
    assert_eq!(
        chat_members::membership(db, Uid::from_random(9), log).await?,
        None
    );
    let since = chat_members::joined(db, keys, Uid::from_random(6)).await?;
    assert_eq!(since.get(&log), Some(&later(80)));
    assert!(
        directory::of(db, keys, &[Uid::from_random(6)])
            .await?
            .is_empty(),
        "no account"
    );
    Ok(())
}

async fn deletion(store: &Store) -> Result<(), StorageError> {
    let keys = &store.keys;
    let owner = Uid::from_random(1);
    let (log, other) = (chat(store, 7, owner).await?, chat(store, 8, owner).await?);
    for log in [log, other] {
        append(store, log, EventKind::Message, NOW, "text").await?;
    }
    let last = append(store, log, EventKind::MemberLeft, NOW, "gone").await?;
    let tx = store.db.begin().await?;
    chats::delete(&tx, log, last).await?;
    tx.commit().await?;
    let db = store.db.read();
    assert!(chats::find(db, keys, log).await?.is_none());
    assert!(chat_members::all(db, log).await?.is_empty());
    let left = events::after(db, keys, log, 0, 10, 1 << 20).await?.events;
    assert_eq!(
        left.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [last]
    );
    let bounds = logs::bounds(db, log).await?;
    assert_eq!((bounds.last_seq, bounds.members_seq), (last, last));
    assert!(chats::find(db, keys, other).await?.is_some());
    assert_eq!(logs::bounds(db, other).await?.last_seq, 1);
    Ok(())
}

async fn positions(store: &Store) -> Result<(), StorageError> {
    let (db, keys) = (store.db.write(), &store.keys);
    let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
    let logs_made = [chat(store, 7, anna).await?, chat(store, 8, anna).await?];
    let mut handles = Vec::new();
    for (n, uid) in [(1, anna), (2, anna), (3, boris)] {
        let handle = DeviceHandle::from_random(n * 10);
        let id = format!("{n:016x}").parse();
        let id = id.map_err(|_| StorageError::Corrupt("device id"))?;
        devices::insert(db, keys, handle, uid, &id, NOW).await?;
        handles.push(handle);
    }
    let at = |n| Position {
        delivered: n,
        read: n,
    };
    let positions = [
        (handles[0], logs_made[0], at(3)),
        (handles[0], logs_made[1], at(4)),
        (handles[2], logs_made[0], at(9)),
    ];
    cursors::save(db, keys, &positions).await?;
    let found = cursors::of_person(db, keys, anna, &logs_made[..1]).await?;
    assert_eq!(found.len(), 2, "a device that is nowhere is there too");
    assert!(found.contains(&(handles[0], Some((logs_made[0], at(3))))));
    assert!(found.contains(&(handles[1], None)));
    assert_eq!(cursors::of_person(db, keys, anna, &[]).await?.len(), 2);
    cursors::forget(db, logs_made[0], anna).await?;
    let found = cursors::of_person(db, keys, anna, &logs_made).await?;
    assert!(found.contains(&(handles[0], Some((logs_made[1], at(4))))));
    assert_eq!(found.len(), 2);
    let theirs = cursors::of_person(db, keys, boris, &logs_made).await?;
    assert_eq!(theirs, [(handles[2], Some((logs_made[0], at(9))))]);
    Ok(())
}

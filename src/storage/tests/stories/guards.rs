//! What the log writer sees to besides the order: nobody's event lies behind their removal, no message under a key
//! from before one, and what is deleted is gone from the disk in the same commit.

use std::sync::Arc;

use melo_domain::{
    ChatRole, Clock, DeviceHandle, EventKind, LogEvent, LogId, LogKind, Seq, SystemClock, Uid,
};
use melo_storage::logs::NewMember;
use melo_storage::{
    AppendError, Appended, Audience, CommitSink, Guard, LogWriter, NewEvent, StorageError, Store,
    Target, events, logs,
};

use crate::databases;

struct Chat {
    store: Store,
    writer: LogWriter,
    log: LogId,
    anna: Uid,
    boris: Uid,
}

impl Chat {
    async fn open(store: &Store) -> Self {
        let sink: CommitSink = Arc::new(|_| ());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (writer, _) = LogWriter::start(store.clone(), clock, sink);
        let chat = Self {
            store: store.clone(),
            writer,
            log: LogId::from_random(4242),
            anna: Uid::from_random(1),
            boris: Uid::from_random(2),
        };
        let (db, keys, now) = (store.db.write(), &store.keys, SystemClock.now());
        let members = [chat.anna, chat.boris];
        logs::create(db, keys, chat.log, LogKind::Group, &members, now)
            .await
            .unwrap();
        chat
    }

    async fn append(&self, event: NewEvent) -> Result<Appended, AppendError> {
        let audience = Audience {
            kind: LogKind::Group,
            members: [self.anna, self.boris].into(),
            members_seq: 0,
        };
        self.writer.append(event, audience).await.unwrap().await
    }

    async fn say(&self, who: Uid, text: &str, guard: Guard) -> Result<Appended, AppendError> {
        let event = NewEvent {
            guard: Some(guard),
            ..NewEvent::new(self.log, EventKind::Message, who, text)
        };
        self.append(event).await
    }

    /// As a service does it: row, event and note in one transaction.
    async fn change(&self, who: Uid, kind: EventKind) -> Seq {
        let (keys, now) = (&self.store.keys, SystemClock.now());
        let tx = self.store.db.begin().await.unwrap();
        let new = NewEvent::new(self.log, kind, who, "{}");
        let event = events::append(&tx, keys, new, now).await.unwrap();
        let leaves = kind == EventKind::MemberLeft;
        if leaves {
            assert!(logs::remove_member(&tx, self.log, who).await.unwrap());
        } else {
            let member = NewMember {
                uid: who,
                role: ChatRole::Member,
                from_seq: event.seq,
            };
            logs::add_member(&tx, keys, self.log, member, now)
                .await
                .unwrap();
        }
        logs::note_members_change(&tx, self.log, event.seq, leaves)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        event.seq
    }

    async fn read(&self) -> Result<Vec<LogEvent>, StorageError> {
        let (db, keys) = (self.store.db.read(), &self.store.keys);
        let page = events::after(db, keys, self.log, 0, 1000, usize::MAX).await?;
        Ok(page.events)
    }
}

/// What is known before anything has changed, of a message under a key.
fn knowing(members_seq: Seq, key_seq: Seq) -> Guard {
    Guard {
        members_seq,
        key_seq: Some(key_seq),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobodys_event_lies_behind_their_removal() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let chat = Chat::open(&store).await;
        let early = knowing(0, 1);
        // The writer knows the log's end from here on.
        chat.say(chat.boris, "\"before\"", early).await.unwrap();
        let removed = chat.change(chat.boris, EventKind::MemberLeft).await;

        // Both were let through before the removal, and come to their places after it: the first one runs into it.
        for text in ["\"late\"", "\"later\""] {
            let late = chat.say(chat.boris, text, early).await;
            assert_eq!(late, Err(AppendError::NotMember), "{}", database.name);
        }
        let stale = chat.say(chat.anna, "\"old key\"", early).await;
        assert_eq!(stale, Err(AppendError::StaleKey), "{}", database.name);
        let fresh = chat
            .say(chat.anna, "\"new key\"", knowing(0, removed))
            .await;
        assert_eq!(fresh.unwrap().seq, removed + 1);
        let known = chat.say(chat.anna, "\"known\"", knowing(removed, removed));
        assert_eq!(known.await.unwrap().seq, removed + 2);

        // Whoever comes back writes again, and who only knows of the leave is judged anew.
        chat.change(chat.boris, EventKind::MemberJoined).await;
        let back = chat.say(chat.boris, "\"back\"", knowing(removed, removed));
        back.await.unwrap();

        let texts: Vec<_> = chat.read().await.unwrap();
        let seqs: Vec<Seq> = texts.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=6).collect::<Vec<_>>(), "{}", database.name);
        drop((chat, store));
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_is_gone_with_everything_that_was_made_of_it() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let chat = Chat::open(&store).await;
        let new = |kind, text: &str| NewEvent {
            device: Some(DeviceHandle::from_random(2)),
            ..NewEvent::new(chat.log, kind, chat.anna, text)
        };
        let first = chat.append(new(EventKind::Message, "\"secret\"")).await;
        let first = first.unwrap().seq;
        chat.append(new(EventKind::Message, "\"other\""))
            .await
            .unwrap();
        for kind in [EventKind::Edit, EventKind::Reaction] {
            let change = NewEvent {
                target: Some(Target::Changes(first)),
                ..new(kind, "{\"payload\":\"secret too\"}")
            };
            chat.append(change).await.unwrap();
        }
        let delete = NewEvent {
            target: Some(Target::Erases(first)),
            ..new(EventKind::Delete, "{\"message_id\":\"…\"}")
        };
        chat.append(delete).await.unwrap();

        let left = chat.read().await.unwrap();
        let kinds: Vec<_> = left.iter().map(|event| event.kind).collect();
        let expected = [
            EventKind::Erased,
            EventKind::Message,
            EventKind::Erased,
            EventKind::Erased,
            EventKind::Delete,
        ];
        assert_eq!(kinds, expected, "{}", database.name);
        assert!(left.iter().all(|event| !event.payload.contains("secret")));
        assert!(left.iter().all(|event| event.sender == chat.anna));
        drop((chat, store));
        database.remove().await;
    }
}

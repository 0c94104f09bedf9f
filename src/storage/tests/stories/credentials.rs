//! Codes, mailed tokens, invites, reports of delivery and mail addresses: found by whoever shows them, and spent as
//! often as they are good for, however many try at once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use melo_crypto::{BearerToken, TokenHash, random};
use melo_domain::{CodePurpose, DeliveryStatus, Email, MailTokenPurpose, Timestamp, Uid};
use melo_storage::invites::Invite;
use melo_storage::{StorageError, Store, codes, deliveries, emails, invites, mail_tokens};
use tokio::sync::Barrier;

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);
const DAY: Duration = Duration::from_secs(86_400);
const PHONE: &str = "+79991234567";
/// How many try at once.
const CROWD: usize = 12;

/// Does the same from many tasks at the same moment.
async fn crowd<T, F>(store: &Store, act: impl Fn(Store, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(CROWD));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..CROWD {
        let (start, acting) = (Arc::clone(&start), act(store.clone(), n));
        tasks.spawn(async move {
            start.wait().await;
            acting.await
        });
    }
    tasks.join_all().await
}

fn wins(outcomes: &[bool]) -> usize {
    outcomes.iter().filter(|won| **won).count()
}

/// The day of `NOW`, and the one `days` later.
fn in_days(days: u32) -> Timestamp {
    NOW.plus(DAY * days)
}

async fn put_code(store: &Store, subject: &str, code: &str) -> Result<(), StorageError> {
    let tx = store.db.begin().await?;
    let (keys, purpose) = (&store.keys, CodePurpose::Register);
    codes::put(&tx, keys, purpose, subject, code, NOW).await?;
    Ok(tx.commit().await?)
}

async fn try_code(store: &Store, purpose: CodePurpose, subject: &str) -> Option<(i64, String)> {
    let found = codes::attempt(store.db.write(), &store.keys, purpose, subject, 5).await;
    let found = found.unwrap()?;
    assert_eq!(found.expires, NOW);
    Some((found.id, found.code))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_tried_five_times_and_spent_once() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let db = store.db.write();
        let register = CodePurpose::Register;
        assert_eq!(try_code(&store, register, PHONE).await, None, "{name}");
        put_code(&store, PHONE, "012345").await.unwrap();
        let (old, code) = try_code(&store, register, PHONE).await.unwrap();
        assert_eq!(code, "012345", "{name}");
        for (purpose, subject) in [(CodePurpose::Reset, PHONE), (register, "+79991234568")] {
            assert_eq!(try_code(&store, purpose, subject).await, None, "{name}");
        }

        // A new one takes its place, with attempts of its own.
        put_code(&store, PHONE, "999999").await.unwrap();
        assert!(!codes::spend(db, old).await.unwrap(), "{name}");
        let tries = crowd(&store, |store, _| async move {
            try_code(&store, register, PHONE).await
        });
        let tries = tries.await;
        let found: Vec<_> = tries.into_iter().flatten().collect();
        assert_eq!(found.len(), 5, "{name}");
        assert!(found.iter().all(|(_, code)| code == "999999"), "{name}");
        let id = found[0].0;
        let spent = crowd(&store, move |store, _| async move {
            codes::spend(store.db.write(), id).await.unwrap()
        });
        assert_eq!(wins(&spent.await), 1, "{name}");
        assert_eq!(try_code(&store, register, PHONE).await, None, "{name}");

        put_code(&store, PHONE, "111111").await.unwrap();
        codes::forget(db, &store.keys, register, PHONE)
            .await
            .unwrap();
        assert_eq!(try_code(&store, register, PHONE).await, None, "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_codes_that_are_made_at_once_one_stays() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        for round in 0..5 {
            let made = crowd(&store, |store, n| async move {
                put_code(&store, PHONE, &format!("{n:06}")).await
            });
            let mut kept = 0;
            for outcome in made.await {
                match outcome {
                    Ok(()) => kept += 1,
                    // What callers have to live with: PostgreSQL says the one, MySQL the other.
                    Err(error) if error.is_unique_violation() || error.is_rolled_back() => {}
                    Err(error) => panic!("{name}, round {round}: {error}"),
                }
            }
            assert!(kept > 0, "{name}, round {round}");
            let found = try_code(&store, CodePurpose::Register, PHONE).await;
            let (id, _) = found.unwrap();
            assert!(codes::spend(store.db.write(), id).await.unwrap(), "{name}");
            let more = try_code(&store, CodePurpose::Register, PHONE).await;
            assert_eq!(more, None, "{name}, round {round}");
        }
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailed_token_is_one_persons_for_one_purpose_and_spent_once() {
    use MailTokenPurpose::{ConfirmEmail, Reset};
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
        let hashes: Vec<TokenHash> = (0..4).map(|_| BearerToken::generate().1).collect();
        let put = |uid, purpose, n: usize, email| {
            mail_tokens::put(db, keys, uid, purpose, &hashes[n], email, NOW)
        };
        let find = |purpose, n: usize| mail_tokens::find(db, keys, purpose, &hashes[n]);
        put(anna, Reset, 0, "анна@example.org").await.unwrap();
        put(anna, ConfirmEmail, 1, "anna@example.org")
            .await
            .unwrap();
        put(boris, Reset, 2, "boris@example.org").await.unwrap();
        let found = find(Reset, 0).await.unwrap().unwrap();
        assert_eq!((found.uid, found.expires), (anna, NOW), "{name}");
        assert_eq!(found.email, "анна@example.org", "{name}");
        assert!(find(ConfirmEmail, 0).await.unwrap().is_none(), "{name}");
        assert!(find(Reset, 3).await.unwrap().is_none(), "{name}");

        // A new one takes the place of the same person's for the same purpose, and of no other.
        put(anna, Reset, 3, "anna@example.org").await.unwrap();
        assert!(find(Reset, 0).await.unwrap().is_none(), "{name}");
        assert!(find(ConfirmEmail, 1).await.unwrap().is_some(), "{name}");
        assert!(find(Reset, 2).await.unwrap().is_some(), "{name}");
        let twice = put(boris, Reset, 3, "boris@example.org").await;
        assert!(twice.unwrap_err().is_unique_violation(), "{name}");

        let id = find(Reset, 3).await.unwrap().unwrap().id;
        let spent = crowd(&store, move |store, _| async move {
            mail_tokens::spend(store.db.write(), id).await.unwrap()
        });
        assert_eq!(wins(&spent.await), 1, "{name}");
        assert!(find(Reset, 3).await.unwrap().is_none(), "{name}");
        mail_tokens::forget(db, anna, ConfirmEmail).await.unwrap();
        assert!(find(ConfirmEmail, 1).await.unwrap().is_none(), "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_different_people_do_not_hinder_each_other() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        for round in 0..5 {
            let made = crowd(&store, |store, n| async move {
                let uid = Uid::from_random(u64::try_from(n).unwrap());
                let (_, hash) = BearerToken::generate();
                let purpose = MailTokenPurpose::ConfirmEmail;
                let tx = store.db.begin().await?;
                let keys = &store.keys;
                mail_tokens::put(&tx, keys, uid, purpose, &hash, "a@example.org", NOW).await?;
                Ok::<_, StorageError>(tx.commit().await?)
            });
            for outcome in made.await {
                assert!(outcome.is_ok(), "{name}, round {round}: {outcome:?}");
            }
        }
        database.remove().await;
    }
}

fn invite(n: u32, uses: u32, note: Option<&str>) -> Invite {
    Invite {
        id: i64::try_from(random::u64() >> 1).unwrap(),
        created_by: Uid::from_random(7),
        uses,
        uses_left: uses,
        note: note.map(str::to_owned),
        created: NOW.plus(Duration::from_secs(n.into())),
        expires: in_days(n),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_lets_in_as_many_as_it_was_made_for() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let hashes: Vec<TokenHash> = (0..4).map(|_| BearerToken::generate().1).collect();
        let made = [
            invite(0, 5, Some("для хора")),
            invite(1, 1, None),
            invite(2, 1000, Some("")),
        ];
        for (hash, invite) in hashes.iter().zip(&made) {
            invites::insert(db, keys, hash, invite).await.unwrap();
        }
        let twice = invites::insert(db, keys, &hashes[0], &invite(3, 1, None)).await;
        assert!(twice.unwrap_err().is_unique_violation(), "{name}");
        let found = invites::find(db, keys, &hashes[0]).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made[0]), "{name}");
        assert_eq!(invites::find(db, keys, &hashes[3]).await.unwrap(), None);

        let id = made[0].id;
        let taken = crowd(&store, move |store, _| async move {
            invites::take_use(store.db.write(), id).await.unwrap()
        });
        assert_eq!(wins(&taken.await), 5, "{name}");
        let used_up = Invite {
            uses_left: 0,
            ..made[0].clone()
        };
        let mut by_id = [made[2].clone(), made[1].clone(), used_up];
        by_id.sort_by_key(|invite| invite.id);
        let listed = invites::page(db, keys, None, 2).await.unwrap();
        assert_eq!(listed, by_id[..2], "{name}");
        let rest = invites::page(db, keys, Some(by_id[1].id), 2).await.unwrap();
        assert_eq!(rest, by_id[2..], "{name}");

        assert!(invites::remove(db, made[1].id).await.unwrap(), "{name}");
        assert!(!invites::remove(db, made[1].id).await.unwrap(), "{name}");
        let gone = invites::take_use(db, made[1].id).await.unwrap();
        assert!(!gone, "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_delivery_only_moves_forward() {
    use DeliveryStatus::{Delivered, Failed, Queued, Sent};
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        for id in [1, 2] {
            deliveries::insert(db, keys, id, NOW).await.unwrap();
        }
        let status = |id| deliveries::status(db, id);
        assert_eq!(status(1).await.unwrap(), Some(Queued), "{name}");
        assert_eq!(status(3).await.unwrap(), None, "{name}");
        let later = NOW.plus(Duration::from_secs(1));
        let advance = |id, to| deliveries::advance(db, keys, id, to, later);
        for (reported, stands) in [(Sent, Sent), (Delivered, Delivered), (Sent, Delivered)] {
            assert!(advance(1, reported).await.unwrap(), "{name}: known");
            assert_eq!(status(1).await.unwrap(), Some(stands), "{name}");
        }
        assert_eq!(status(2).await.unwrap(), Some(Queued), "{name}: untouched");
        assert!(!advance(3, Sent).await.unwrap(), "{name}: unknown");

        // In whichever order reports come in, the furthest stands.
        let reports = crowd(&store, move |store, n| async move {
            let to = [Sent, Failed, Delivered][n % 3];
            let db = store.db.write();
            deliveries::advance(db, &store.keys, 2, to, NOW)
                .await
                .unwrap()
        });
        assert_eq!(
            wins(&reports.await),
            CROWD,
            "{name}: all of a known message"
        );
        let furthest = [Sent, Failed, Delivered]
            .into_iter()
            .max_by_key(|s| s.code());
        assert_eq!(status(2).await.unwrap(), furthest, "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_address_is_one_persons() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
        let email = |text: &str| text.parse::<Email>().unwrap();
        let owner = async |text: &str| emails::find_owner(db, keys, &email(text)).await.unwrap();
        let old = email("Anna.K@example.org");
        emails::set(db, keys, anna, &old, NOW).await.unwrap();
        let found = emails::find(db, keys, anna).await.unwrap().unwrap();
        assert_eq!((found.uid, found.confirmed), (anna, NOW), "{name}");
        assert_eq!(found.email, "Anna.K@example.org", "{name}: as entered");
        assert!(emails::find(db, keys, boris).await.unwrap().is_none());
        assert_eq!(owner("aNNa.k@EXAMPLE.org").await, Some(anna), "{name}");
        let taken = emails::set(db, keys, boris, &email("ANNA.k@example.org"), NOW).await;
        assert!(taken.unwrap_err().is_unique_violation(), "{name}");

        // Another one takes its place, and the old one is free.
        let new = email("anna@example.org");
        emails::set(db, keys, anna, &new, NOW).await.unwrap();
        assert_eq!(owner("Anna.K@example.org").await, None, "{name}");
        emails::set(db, keys, boris, &old, NOW).await.unwrap();
        assert_eq!(owner("anna.k@example.org").await, Some(boris), "{name}");
        assert_eq!(owner("anna@example.org").await, Some(anna), "{name}");
        assert!(emails::remove(db, anna).await.unwrap(), "{name}");
        assert!(!emails::remove(db, anna).await.unwrap(), "{name}");
        assert_eq!(owner("anna@example.org").await, None, "{name}");

        let wanted = email("wanted@example.org");
        let set = crowd(&store, move |store, n| {
            let wanted = wanted.clone();
            async move {
                let uid = Uid::from_random(100 + u64::try_from(n).unwrap());
                emails::set(store.db.write(), &store.keys, uid, &wanted, NOW).await
            }
        });
        let set = set.await;
        for refused in set.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(refused.is_unique_violation(), "{name}: {refused}");
        }
        assert_eq!(set.iter().filter(|o| o.is_ok()).count(), 1, "{name}");
        assert!(owner("wanted@example.org").await.is_some(), "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_is_swept_and_what_is_good_today_stays() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let (purpose, reset) = (CodePurpose::Reset, MailTokenPurpose::Reset);
        for days in [0, 1] {
            let (subject, expires) = (days.to_string(), in_days(days));
            codes::put(db, keys, purpose, &subject, "123456", expires)
                .await
                .unwrap();
            let (_, hash) = BearerToken::generate();
            let uid = Uid::from_random(days.into());
            mail_tokens::put(db, keys, uid, reset, &hash, "a@example.org", expires)
                .await
                .unwrap();
            let (_, hash) = BearerToken::generate();
            invites::insert(db, keys, &hash, &invite(days, 1, None))
                .await
                .unwrap();
            deliveries::insert(db, keys, days.into(), expires)
                .await
                .unwrap();
        }
        // On the day itself all stay; on the next day what was good until the first one goes.
        for (today, gone) in [(0, 0), (1, 1), (1, 0), (2, 1), (2, 0)] {
            let kept = 30;
            let later = in_days(today + kept);
            let kept = i32::try_from(kept).unwrap();
            let swept = [
                codes::sweep(db, in_days(today)).await.unwrap(),
                mail_tokens::sweep(db, in_days(today)).await.unwrap(),
                invites::sweep(db, later, kept).await.unwrap(),
                deliveries::sweep(db, later, kept).await.unwrap(),
            ];
            assert_eq!(swept, [gone; 4], "{name}, day {today}");
        }
        database.remove().await;
    }
}

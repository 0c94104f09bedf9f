//! Bans are found by their value, once for each, and come back as they were written.

use melo_domain::{BanKind, Banned, Timestamp, Uid};
use melo_storage::bans::{self, NewBan};

use crate::databases;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_found_and_removed() {
    let now = Timestamp::from_millis(1_795_000_000_000);
    let later = Timestamp::from_millis(1_795_000_060_000);
    let phone = Banned::parse(BanKind::Phone, "+79991234567").unwrap();
    let device = Banned::parse(BanKind::Device, "00ff00ff00ff00ff").unwrap();
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let by = Some(Uid::from_random(7));
        let new = |banned, expires| NewBan {
            banned,
            reason: "спам",
            created_by: by,
            created: now,
            expires,
        };
        let first = bans::insert(db, keys, &new(&phone, Some(later))).await;
        let first = first.unwrap();
        let second = bans::insert(db, keys, &new(&device, None)).await.unwrap();
        let twice = bans::insert(db, keys, &new(&phone, None)).await;
        assert!(
            twice.unwrap_err().is_unique_violation(),
            "{}",
            database.name
        );

        let (found, total) = bans::page(db, keys, 1, 10).await.unwrap();
        assert_eq!((found.len(), total), (2, 2), "{}", database.name);
        let shown = found.iter().find(|ban| ban.id == first).unwrap();
        assert_eq!(shown.kind, BanKind::Phone);
        assert_eq!(shown.value, "+79991234567");
        assert_eq!(shown.reason, "спам");
        assert_eq!((shown.created_by, shown.created), (by, now));
        assert_eq!(shown.expires, Some(later));
        assert_eq!(bans::page(db, keys, 2, 1).await.unwrap().0.len(), 1);

        let standing = bans::standing(db, keys).await.unwrap();
        let ends = |banned| {
            let index = bans::index_of(keys, banned);
            let found = standing.iter().find(|ban| ban.index == index);
            found.map(|ban| ban.expires)
        };
        assert_eq!(ends(&phone), Some(Some(later)));
        assert_eq!(ends(&device), Some(None));
        let other = Banned::parse(BanKind::Phone, "+79991234568").unwrap();
        assert_eq!(ends(&other), None);
        let stands =
            async |suspects: &[Banned], at| bans::any_stands(db, keys, suspects, at).await.unwrap();
        assert!(stands(&[other.clone(), phone.clone()], now).await);
        assert!(!stands(&[other.clone(), phone.clone()], later).await);
        assert!(stands(std::slice::from_ref(&device), later).await);
        assert!(!stands(&[other], now).await);
        assert!(!stands(&[], now).await);

        assert!(bans::remove_value(db, keys, &phone).await.unwrap());
        assert!(!bans::remove_value(db, keys, &phone).await.unwrap());
        assert!(bans::remove(db, second).await.unwrap());
        assert!(!bans::remove(db, second).await.unwrap());
        assert!(bans::standing(db, keys).await.unwrap().is_empty());
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_ranges_are_told_by_their_value() {
    let now = Timestamp::from_millis(1_795_000_000_000);
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        for (kind, value) in [
            (BanKind::Address, "203.0.113.7"),
            (BanKind::Address, "2001:db8:1:2::9"),
            (BanKind::Address, "198.51.100.9/24"),
            (BanKind::Phone, "+79991234567"),
            (BanKind::Device, "00ff00ff00ff00ff"),
        ] {
            let banned = Banned::parse(kind, value).unwrap();
            let new = NewBan {
                banned: &banned,
                reason: "",
                created_by: None,
                created: now,
                expires: None,
            };
            bans::insert(db, keys, &new).await.unwrap();
        }
        let standing = bans::standing(db, keys).await.unwrap();
        assert_eq!(standing.len(), 5, "{}", database.name);
        let ranges: Vec<String> = standing
            .iter()
            .filter_map(|ban| Some(ban.range?.to_string()))
            .collect();
        assert_eq!(ranges, ["198.51.100.0/24"], "{}", database.name);
        database.remove().await;
    }
}

//! Fills the database of a server that is stopped with people, contacts and chats for a measurement, at a small part of
//! what the same takes over the API: there each account costs two password hashes. For `melo-load`, which writes the
//! plan and reads the answer; by hand: `melo-fill DIR < plan.json`. DIR holds `keys/` and `data/` of a server that has
//! been started once.
//!
//! These people sign in with their device tokens only; nobody has their passwords. The chats that are counted as
//! `inert` are rows of the right sizes and nothing else: they cannot be opened.

mod chats;
mod inert;
mod people;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use melo_crypto::{Keyring, RootKey};
use melo_domain::{Clock as _, LogId, SystemClock, Uid};
use melo_storage::{Database, Store, data_keys};
use serde::{Deserialize, Serialize};

/// What there is to be.
#[derive(Deserialize)]
struct Plan {
    /// People, with one device each.
    users: usize,
    /// The first so many pairs of them are contacts.
    #[serde(default)]
    pairs: usize,
    #[serde(default)]
    chats: Vec<ChatPlan>,
    /// Chats that nobody of these people is in.
    #[serde(default)]
    inert: u64,
}

/// One chat. Its members are neighbours in the list of people; the first of them owns it.
#[derive(Deserialize)]
struct ChatPlan {
    channel: bool,
    first: usize,
    members: usize,
    /// Messages of the owner that are there already.
    #[serde(default)]
    messages: u32,
}

/// What there is now.
#[derive(Serialize)]
struct Filled {
    users: Vec<User>,
    pairs: Vec<Pair>,
    chats: Vec<Chat>,
}

#[derive(Serialize)]
struct User {
    uid: Uid,
    device_id: String,
    device_token: melo_domain::Secret,
}

#[derive(Serialize)]
struct Pair {
    first: usize,
    second: usize,
    log: LogId,
}

#[derive(Serialize)]
struct Chat {
    log: LogId,
    first: usize,
    members: usize,
}

fn main() -> ExitCode {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Box::from)
        .and_then(|runtime| runtime.block_on(perform()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("melo-fill: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn perform() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os()
        .nth(1)
        .ok_or("melo-fill DIR < plan.json")?;
    let plan: Plan = serde_json::from_reader(std::io::stdin().lock())?;
    let store = open(Path::new(&dir)).await?;
    let filled = fill(&store, &plan).await?;
    data_keys::save_usage(store.db.write(), &store.keys.usage(), 0).await?;
    store.db.checkpoint().await?;
    store.db.close().await?;
    serde_json::to_writer(std::io::stdout().lock(), &filled)?;
    Ok(())
}

async fn open(dir: &Path) -> Result<Store, Box<dyn Error>> {
    let root = std::fs::read_to_string(dir.join("keys/root.key"))?;
    let root = RootKey::from_base64url(root.trim())?;
    let file = dir.join("data/melo.db");
    let db = Database::connect(&format!("sqlite://{}?mode=rw", file.display())).await?;
    let keys = Keyring::open(&root, data_keys::all(db.read()).await?)?;
    Ok(Store {
        db,
        keys: Arc::new(keys),
    })
}

async fn fill(store: &Store, plan: &Plan) -> Result<Filled, Box<dyn Error>> {
    let now = SystemClock.now();
    inert::make(&store.db, plan.inert, now).await?;
    let tx = store.db.begin().await?;
    let users = people::make(&tx, &store.keys, plan.users, now).await?;
    let pairs = people::befriend(&tx, &store.keys, &users, plan.pairs, now).await?;
    let mut made = Vec::with_capacity(plan.chats.len());
    for chat in &plan.chats {
        made.push(chats::make(&tx, &store.keys, chat, &users, now).await?);
    }
    tx.commit().await?;
    Ok(Filled {
        users,
        pairs,
        chats: made,
    })
}

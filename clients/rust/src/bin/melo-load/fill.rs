//! Servers with many people and chats, filled by the program `melo-fill`: making them over the API would take hours.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use melo_domain::{Secret, Uid};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::fail::Failure;
use crate::files;
use crate::snapshot::{Chat, Pair, Snapshot, User};
use crate::start::Server;

/// What a filled directory was filled with.
const FILE: &str = "plan.json";

/// What there is to be; `melo-fill` reads it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub users: usize,
    pub pairs: usize,
    pub chats: Vec<ChatPlan>,
    pub inert: u64,
}

/// One chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatPlan {
    pub channel: bool,
    pub first: usize,
    pub members: usize,
    pub messages: u32,
}

impl ChatPlan {
    /// A group without messages.
    pub(crate) fn group(first: usize, members: usize) -> Self {
        Self {
            channel: false,
            first,
            members,
            messages: 0,
        }
    }
}

#[derive(Deserialize)]
struct Filled {
    users: Vec<Person>,
    pairs: Vec<Pair>,
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Person {
    uid: Uid,
    device_id: String,
    device_token: Secret,
}

/// Where the program is when nobody says: where cargo puts it, as seen from the server's.
pub(crate) fn beside(server: &Path) -> PathBuf {
    server.with_file_name("examples").join("melo-fill")
}

/// Makes `dir` hold a stopped server filled as planned, unless it does.
pub(crate) async fn filled(
    server: &Path,
    fill: &Path,
    dir: &Path,
    plan: &Plan,
) -> Result<(), Failure> {
    if is_filled(dir, plan) {
        return Ok(());
    }
    files::remove_dir(dir)?;
    // It makes its keys and tables.
    let empty = Server::start(server, dir, &[]).await?;
    let target = empty.target.clone();
    empty.stop().await?;
    eprintln!("filling {}", dir.display());
    let filled = run(fill, dir, plan).await?;
    let users = filled.users.into_iter().map(|person| User {
        uid: person.uid,
        device_id: person.device_id,
        device_token: person.device_token,
        password: Secret::new(String::new()),
    });
    let snapshot = Snapshot {
        target,
        users: users.collect(),
        pairs: filled.pairs,
        chats: filled.chats,
    };
    snapshot.save(dir)?;
    // Last, as its presence says that the directory is whole.
    let path = dir.join(FILE);
    files::write_private(&path, &json(plan)?)
}

fn is_filled(dir: &Path, plan: &Plan) -> bool {
    let text = std::fs::read(dir.join(FILE)).unwrap_or_default();
    serde_json::from_slice::<Plan>(&text).is_ok_and(|known| known == *plan)
}

fn json(plan: &Plan) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(plan).map_err(|_| Failure::Fill("the plan cannot be written".to_owned()))
}

async fn run(fill: &Path, dir: &Path, plan: &Plan) -> Result<Filled, Failure> {
    let plan = json(plan)?;
    let mut child = Command::new(fill)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::file(fill))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&plan).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        return Err(Failure::Fill(format!("ended with {}", output.status)));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|_| Failure::Fill("is not of this version".to_owned()))
}

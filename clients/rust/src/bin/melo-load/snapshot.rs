//! What `prepare` leaves for the other commands: where the server is, and users who can sign in without a
//! password hash. The tokens in it are as good as passwords: the file is readable by its owner alone.

use std::path::Path;
use std::sync::Arc;

use melo_client::address::ServerAddress;
use melo_client::rest::Api;
use melo_client::tls;
use melo_domain::{LogId, Secret, Uid};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::fail::Failure;
use crate::files;

const FILE: &str = "snapshot.json";

/// What session lists of the users show.
const USER_AGENT: &str = concat!("melo-load/", env!("CARGO_PKG_VERSION"));

/// A server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    pub https: String,
    pub wss: String,
    /// PEM.
    pub ca: String,
}

/// One user with one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub uid: Uid,
    pub device_id: String,
    pub device_token: Secret,
    pub password: Secret,
}

/// Two users who are contacts: indices of the user list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub first: usize,
    pub second: usize,
    pub log: LogId,
}

/// A group or channel whose members are neighbours in the user list; the first of them owns it, and writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub log: LogId,
    pub first: usize,
    pub members: usize,
}

impl Chat {
    /// Indices of its members.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.members
    }
}

/// A server with users.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub target: Target,
    pub users: Vec<User>,
    pub pairs: Vec<Pair>,
    #[serde(default)]
    pub chats: Vec<Chat>,
}

impl Target {
    /// Checks the addresses and reads the certificate.
    pub(crate) fn from_files(server: &str, ws: Option<&str>, ca: &Path) -> Result<Self, Failure> {
        let address = ServerAddress::parse(server, ws)?;
        let ca = std::fs::read_to_string(ca).map_err(Failure::file(ca))?;
        Ok(Self {
            https: address.https().to_string(),
            wss: address.wss().to_string(),
            ca,
        })
    }

    /// Both addresses, parsed.
    pub(crate) fn address(&self) -> Result<ServerAddress, Failure> {
        Ok(ServerAddress::parse(&self.https, Some(&self.wss))?)
    }

    /// What trusts the server.
    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        Ok(tls::client_config(Some(&self.ca))?)
    }

    /// Its REST interface.
    pub(crate) fn api(&self) -> Result<Api, Failure> {
        let api = Api::new(self.address()?.https(), &self.tls()?, USER_AGENT);
        api.map_err(Failure::call("set up"))
    }
}

impl Snapshot {
    /// Reads it from a directory.
    pub(crate) fn load(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        let text = std::fs::read(&path).map_err(Failure::file(&path))?;
        serde_json::from_slice(&text).map_err(|_| Failure::Snapshot(path))
    }

    /// Whether a directory holds one.
    pub(crate) fn is_in(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Writes it to a directory.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(FILE);
        let text = serde_json::to_vec(self).map_err(|_| Failure::Snapshot(path.clone()))?;
        files::write_private(&path, &text)
    }

    /// The first `count` pairs, or all.
    pub(crate) fn some_pairs(&self, count: Option<usize>) -> Result<&[Pair], Failure> {
        let asked = count.unwrap_or(self.pairs.len()).max(1);
        self.pairs.get(..asked).ok_or(Failure::TooFew {
            what: "pairs",
            have: self.pairs.len(),
            asked,
        })
    }

    /// The first `count` chats.
    pub(crate) fn some_chats(&self, count: usize) -> Result<&[Chat], Failure> {
        let asked = count.max(1);
        self.chats.get(..asked).ok_or(Failure::TooFew {
            what: "chats",
            have: self.chats.len(),
            asked,
        })
    }

    /// A user by index.
    pub(crate) fn user(&self, index: usize) -> Result<&User, Failure> {
        self.users.get(index).ok_or(Failure::TooFew {
            what: "users",
            have: self.users.len(),
            asked: index + 1,
        })
    }
}

//! How the echo signs in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use melo_client::client::{Identity, Options, SignIn};
use melo_client::crypto::passphrase::Kdf;
use melo_client::keystore::{KeystoreError, Server, Vault};
use melo_client::{Client, ClientError};
use melo_crypto::EchoSecrets;
use melo_domain::Uid;

use super::certificate::OwnCertificate;
use crate::settings::Settings;
use crate::tls::CertificateResolver;

/// Where the server is reached from within, and where the echo keeps its keys.
pub struct Door {
    https: SocketAddr,
    wss: SocketAddr,
    certificate: Arc<CertificateResolver>,
    keystore: PathBuf,
}

impl Door {
    /// Of this server.
    pub fn of(settings: &Settings, certificate: Arc<CertificateResolver>) -> Self {
        Self {
            https: within(settings.network.http_address()),
            wss: within(settings.network.ws_address()),
            certificate,
            keystore: settings.storage.data_dir.join("echo").join("keystore.melo"),
        }
    }

    fn options(&self, secrets: &EchoSecrets) -> Options {
        let mut options = Options::new(self.keystore.clone(), secrets.passphrase.clone());
        // The passphrase is a random key of 256 bits: making it slow to try would only take memory.
        options.kdf = Kdf::LEAST;
        "melo-echo".clone_into(&mut options.user_agent);
        let own = OwnCertificate::new(Arc::clone(&self.certificate));
        options.certificate = Some(Arc::new(own));
        options
    }

    fn server(&self) -> Server {
        Server {
            url: format!("https://{}", self.https),
            ws: Some(format!("wss://{}", self.wss)),
            ca_pem: None,
        }
    }
}

/// An address to connect to, for one to listen on.
fn within(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// Signs in: again with the keys that are there, at the addresses of today, or as a new device of the account.
pub async fn open(door: &Door, secrets: &EchoSecrets, uid: Uid) -> Result<Client, ClientError> {
    if Vault::exists(&door.keystore) {
        let identity = Identity::Backup(secrets.recovery.clone());
        match sign_in(door, secrets, uid, identity).await {
            // The database is another one than the keys were made for.
            Err(ClientError::OtherAccount(_)) => {
                std::fs::remove_file(&door.keystore).map_err(|error| KeystoreError::Io {
                    path: door.keystore.clone(),
                    error,
                })?;
            }
            done => return done,
        }
    }
    match sign_in(
        door,
        secrets,
        uid,
        Identity::Backup(secrets.recovery.clone()),
    )
    .await
    {
        // The very first device.
        Err(ClientError::NoBackup) => {
            sign_in(door, secrets, uid, Identity::New(secrets.recovery.clone())).await
        }
        done => done,
    }
}

async fn sign_in(
    door: &Door,
    secrets: &EchoSecrets,
    uid: Uid,
    identity: Identity,
) -> Result<Client, ClientError> {
    let sign_in = SignIn {
        identifier: uid.to_string(),
        password: secrets.password.clone(),
        code: None,
        identity,
    };
    Client::login(door.options(secrets), door.server(), sign_in).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_reached_at_home() {
        for (listening, reached) in [
            ("0.0.0.0:8088", "127.0.0.1:8088"),
            ("[::]:8088", "[::1]:8088"),
            ("192.0.2.7:8088", "192.0.2.7:8088"),
        ] {
            let reached: SocketAddr = reached.parse().unwrap();
            assert_eq!(within(listening.parse().unwrap()), reached);
        }
    }
}

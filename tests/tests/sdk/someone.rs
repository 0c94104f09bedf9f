//! People with the SDK on their devices.

use std::sync::Arc;

use melo_client::Client;
use melo_client::client::{
    Body, Change, ChatNews, Event, Events, Identity, Live, Message, Options, Proof, Registration,
    SignIn,
};
use melo_client::crypto::passphrase::Kdf;
use melo_client::keystore::Server as Address;
use melo_domain::{Clock, LogId, Secret, Uid};
use melo_tests::{PATIENCE, Server, unique};
use tempfile::TempDir;
use tokio::time::timeout;

const PASSWORD: &str = "seven green lanterns";
const RECOVERY: &str = "copper kettle by the window";

/// A device with the SDK.
pub struct Someone {
    pub client: Client,
    home: TempDir,
}

/// A device that is connected.
pub struct Online {
    pub live: Live,
    events: Events,
    own: Uid,
}

fn address(server: &Server) -> Address {
    let site = server.site();
    Address {
        url: format!("https://localhost:{}", site.http_port),
        ws: Some(format!("wss://localhost:{}/", site.ws_port)),
        ca_pem: Some(std::fs::read_to_string(server.keys_dir().join("tls.crt")).unwrap()),
    }
}

fn options(home: &TempDir) -> Options {
    let keystore = home.path().join("keystore.melo");
    Options {
        kdf: Kdf::LEAST,
        ..Options::new(keystore, Secret::new("on this device".to_owned()))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

impl Someone {
    /// Makes an account.
    pub async fn join(server: &Server, name: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let new = Registration {
            phone: unique::phone(),
            name: name.to_owned(),
            nickname: name.to_lowercase(),
            password: secret(PASSWORD),
            recovery: secret(RECOVERY),
            code: None,
            invite: None,
        };
        let client = Client::register(options(&home), address(server), new).await;
        Self {
            client: client.unwrap(),
            home,
        }
    }

    /// Signs in on another device of the same person.
    pub async fn another_device(&self, server: &Server) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sign_in = SignIn {
            identifier: self.uid().to_string(),
            password: secret(PASSWORD),
            code: None,
            identity: Identity::Backup(secret(RECOVERY)),
        };
        let client = Client::login(options(&home), address(server), sign_in).await;
        Self {
            client: client.unwrap(),
            home,
        }
    }

    /// Closes the program and opens it again: what is not in the key store is forgotten.
    pub async fn reopen(self) -> Self {
        let Self { client, home } = self;
        drop(client);
        let client = Client::open(options(&home), None).await.unwrap();
        Self { client, home }
    }

    /// The same, with another clock.
    pub async fn reopen_at(self, clock: Arc<dyn Clock>) -> Self {
        let Self { client, home } = self;
        drop(client);
        let options = Options {
            clock,
            ..options(&home)
        };
        let client = Client::open(options, None).await.unwrap();
        Self { client, home }
    }

    pub fn uid(&self) -> Uid {
        self.client.uid()
    }

    /// Becomes a contact of somebody.
    pub async fn befriend(&self, other: &Self) {
        self.client.add_contact(other.uid(), false).await.unwrap();
        other.client.accept_contact(self.uid()).await.unwrap();
        self.client.contacts().await.unwrap();
        other.client.contacts().await.unwrap();
    }

    /// Connects, and takes what was missed.
    pub async fn online(&self) -> Online {
        let (live, events) = self.client.live();
        let mut online = Online {
            live,
            events,
            own: self.uid(),
        };
        online
            .until(|event| matches!(event, Event::Synced).then_some(()))
            .await;
        online
    }
}

impl Online {
    /// The first event from now on in which there is what is looked for; those before it are passed over.
    pub async fn until<T>(&mut self, mut look: impl FnMut(Event) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event = self.events.next().await.expect("a connection");
                if let Event::Ended(ended) = event {
                    panic!("{ended}");
                }
                let told = format!("{event:?}");
                if let Some(found) = look(event) {
                    return found;
                }
                eprintln!("{} passes over {told}", self.own);
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is told")
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        let next = timeout(PATIENCE, self.events.next()).await;
        next.expect("it is told").expect("a connection")
    }

    /// The next message.
    pub async fn message(&mut self) -> Message {
        self.until(|event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        })
        .await
    }

    /// The next message, which must be this text in that chat, signed by a device of that person.
    #[track_caller]
    pub fn hears(&mut self, chat: LogId, from: Uid, text: &str) -> impl Future<Output = Message> {
        let place = std::panic::Location::caller();
        let proof = if from == self.own {
            Proof::Verified
        } else {
            Proof::Signed
        };
        let said = Body::Text {
            written: text.into(),
            proof,
        };
        async move {
            let message = self.message().await;
            assert_eq!(message.body, said, "{place}");
            assert_eq!((message.chat, message.from), (Some(chat), from), "{place}");
            message
        }
    }

    /// The next thing that is done to a message.
    pub async fn change(&mut self) -> Change {
        self.until(|event| match event {
            Event::Change(change) => Some(change),
            _ => None,
        })
        .await
    }

    /// The next news of a chat that are looked for.
    pub async fn news<T>(&mut self, mut look: impl FnMut(ChatNews) -> Option<T>) -> T {
        self.until(|event| match event {
            Event::Chat(event) => look(event.news),
            _ => None,
        })
        .await
    }

    /// Waits until the server has what was sent under that id.
    pub async fn queued(&mut self, id: uuid::Uuid) -> melo_domain::MessageId {
        self.until(|event| match event {
            Event::Status {
                client_id: Some(client_id),
                log,
                seq,
                ..
            } if client_id == id => Some(melo_domain::MessageId { log, seq }),
            Event::SendFailed { client_id, error } if client_id == id => panic!("{error}"),
            _ => None,
        })
        .await
    }
}

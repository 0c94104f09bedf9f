//! A server made of frames, and who talks to it: for the tests of the live connection.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use melo_domain::{LogId, MessageId, Seq, Timestamp, Uid};
use melo_protocol::frame::{MsgStatus, StatusKind, Synced};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use uuid::Uuid;

use super::events::Event;
use super::live::Events;
use super::messages::{Body, Proof};
use super::{Client, Connector};
use crate::crypto::content::Content;
use crate::crypto::directory::{VerifiedDevice, VerifiedDirectory};
use crate::crypto::envelope::{Context, Envelope};
use crate::crypto::identity::verifying_key;
use crate::crypto::passphrase::Kdf;
use crate::crypto::testing::{device_of, log_of, person};
use crate::keystore::{KnownContact, Person, Server, State, StoredKeys, Vault};

pub(super) const NOW: i64 = 1_795_162_530_123;

pub(super) fn anna() -> Uid {
    Uid::from_random(1)
}

pub(super) fn boris() -> Uid {
    Uid::from_random(2)
}

/// The conversation of the two.
pub(super) fn log() -> LogId {
    log_of(77)
}

pub(super) fn directory(uid: Uid, n: u8) -> VerifiedDirectory {
    let keys = person(n);
    VerifiedDirectory {
        uid,
        identity: keys.identity.public(),
        version: 1,
        devices: vec![VerifiedDevice {
            device: device_of(n.into()),
            encryption: keys.encryption.public().clone(),
            signing: verifying_key(&keys.signing.public()).unwrap(),
        }],
        refused: Vec::new(),
    }
}

/// Anna's device: she knows Boris, and her access token is good for a long time.
pub(super) fn state(server: Server) -> State {
    let mut state = crate::keystore::sample();
    state.server = server;
    state.keys = StoredKeys::store(&person(1)).unwrap();
    state.published = true;
    let later = Timestamp::from_millis(i64::MAX);
    (state.tokens.access_renew, state.tokens.access_expires) = (later, later);
    for (uid, n) in [(anna(), 1), (boris(), 2)] {
        state
            .people
            .insert(uid, Person::remember(&directory(uid, n), None));
    }
    state.contacts.insert(
        boris(),
        KnownContact {
            nickname: "boris".to_owned(),
            log: log(),
            public_e2e_key: String::new(),
        },
    );
    state
}

pub(super) struct Bench {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pub(super) client: Client,
    _dir: TempDir,
}

/// A server's end of a connection.
pub(super) struct Peer(WebSocketStream<TlsStream<TcpStream>>);

pub(super) async fn bench() -> Bench {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server {
        url: format!("https://localhost:{port}"),
        ws: Some(format!("wss://localhost:{port}/")),
        ca_pem: Some(made.cert.pem()),
    };
    let dir = tempfile::tempdir().unwrap();
    let state = state(server.clone());
    let vault = Vault::create(&dir.path().join("keystore.melo"), "p", Kdf::LEAST, &state).unwrap();
    let connector = Connector::new(&server, "test", None).unwrap();
    let clock: Arc<dyn melo_domain::Clock> = Arc::new(melo_domain::SystemClock);
    let presented = ("test".to_owned(), clock);
    let client = Client::assemble(connector, presented, vault, state).unwrap();
    Bench {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(tls)),
        client,
        _dir: dir,
    }
}

impl Bench {
    pub(super) async fn accept(&self) -> Peer {
        let (tcp, _) = self.listener.accept().await.unwrap();
        let tls = self.acceptor.accept(tcp).await.unwrap();
        Peer(tokio_tungstenite::accept_async(tls).await.unwrap())
    }

    /// Accepts a connection and lets it catch up at once; gives the cursors it resumed from.
    pub(super) async fn accept_synced(&self, cursors: &[(LogId, Seq)]) -> (Peer, Value) {
        let mut peer = self.accept().await;
        let resume = peer.read("resume").await;
        peer.synced(cursors).await;
        (peer, resume["cursors"].clone())
    }
}

impl Peer {
    /// The next frame, which must be of that type.
    pub(super) async fn read(&mut self, kind: &str) -> Value {
        loop {
            if let WsMessage::Text(text) = self.0.next().await.unwrap().unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["type"], kind, "{frame}");
                return frame;
            }
        }
    }

    pub(super) async fn send(&mut self, frame: impl serde::Serialize) {
        self.0
            .send(WsMessage::text(serde_json::to_string(&frame).unwrap()))
            .await
            .unwrap();
    }

    pub(super) async fn synced(&mut self, cursors: &[(LogId, Seq)]) {
        self.send(Synced {
            cursors: cursors.iter().copied().collect(),
        })
        .await;
    }

    pub(super) async fn deliver(&mut self, seq: Seq, envelope: &Envelope) {
        let id = MessageId { log: log(), seq };
        let at = Timestamp::from_millis(NOW);
        let frame = json!({
            "type": "relay_delivery", "message_id": id, "from": boris(), "log": log(), "seq": seq,
            "at": at, "device": device_of(2), "payload": envelope,
        });
        self.send(frame).await;
    }

    pub(super) async fn queued(&mut self, client_id: &Value, seq: Seq) {
        let status = MsgStatus {
            status: StatusKind::Queued,
            message_id: Some(MessageId { log: log(), seq }),
            client_id: serde_json::from_value(client_id.clone()).unwrap(),
            log: Some(log()),
            seq: Some(seq),
            at: Timestamp::from_millis(NOW),
            from: anna(),
            to: boris(),
            chat_id: None,
            retry_after: None,
        };
        self.send(status).await;
    }

    pub(super) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// What Boris's device seals for Anna's.
pub(super) fn from_boris(id: u128, text: &str, log: LogId) -> Envelope {
    let context = Context {
        log,
        uid: boris(),
        device: device_of(2),
        id: Uuid::from_u128(id),
    };
    let anna = person(1);
    let content = Content::Text(text.into());
    Envelope::seal(
        &context,
        &content,
        [anna.encryption.public()],
        &person(2).signing,
    )
    .unwrap()
}

pub(super) async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap()
}

pub(super) async fn next_body(events: &mut Events) -> Body {
    match next(events).await {
        Event::Message(message) => message.body,
        other => panic!("not a message: {other:?}"),
    }
}

pub(super) fn signed(text: &str) -> Body {
    Body::Text {
        written: text.into(),
        proof: Proof::Signed,
    }
}

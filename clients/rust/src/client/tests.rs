//! The live connection against a server made of frames: what it sends, in which order, and what it gives to the
//! application.

use std::collections::BTreeMap;
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

use super::live::{Ended, Event, Events};
use super::messages::{Body, Proof, Refusal};
use super::{Client, Connector};
use crate::crypto::content::Content;
use crate::crypto::directory::{VerifiedDevice, VerifiedDirectory};
use crate::crypto::envelope::{Context, Envelope, EnvelopeError};
use crate::crypto::identity::verifying_key;
use crate::crypto::passphrase::Kdf;
use crate::crypto::testing::{device_of, log_of, person};
use crate::keystore::{KnownContact, Person, Server, State, StoredKeys, Vault};

const NOW: i64 = 1_795_162_530_123;

fn anna() -> Uid {
    Uid::from_random(1)
}

fn boris() -> Uid {
    Uid::from_random(2)
}

/// The conversation of the two.
fn log() -> LogId {
    log_of(77)
}

fn directory(uid: Uid, n: u8) -> VerifiedDirectory {
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
fn state(server: Server) -> State {
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

struct Bench {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    client: Client,
    _dir: TempDir,
}

/// A server's end of a connection.
struct Peer(WebSocketStream<TlsStream<TcpStream>>);

async fn bench() -> Bench {
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
    let connector = Connector::new(&server, "test").unwrap();
    let client = Client::assemble(connector, "test".to_owned(), vault, state).unwrap();
    Bench {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(tls)),
        client,
        _dir: dir,
    }
}

impl Bench {
    async fn accept(&self) -> Peer {
        let (tcp, _) = self.listener.accept().await.unwrap();
        let tls = self.acceptor.accept(tcp).await.unwrap();
        Peer(tokio_tungstenite::accept_async(tls).await.unwrap())
    }

    /// Accepts a connection and lets it catch up at once; gives the cursors it resumed from.
    async fn accept_synced(&self, cursors: &[(LogId, Seq)]) -> (Peer, Value) {
        let mut peer = self.accept().await;
        let resume = peer.read("resume").await;
        peer.synced(cursors).await;
        (peer, resume["cursors"].clone())
    }
}

impl Peer {
    /// The next frame, which must be of that type.
    async fn read(&mut self, kind: &str) -> Value {
        loop {
            if let WsMessage::Text(text) = self.0.next().await.unwrap().unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["type"], kind, "{frame}");
                return frame;
            }
        }
    }

    async fn send(&mut self, frame: impl serde::Serialize) {
        self.0
            .send(WsMessage::text(serde_json::to_string(&frame).unwrap()))
            .await
            .unwrap();
    }

    async fn synced(&mut self, cursors: &[(LogId, Seq)]) {
        self.send(Synced {
            cursors: cursors.iter().copied().collect(),
        })
        .await;
    }

    async fn deliver(&mut self, seq: Seq, envelope: &Envelope) {
        let id = MessageId { log: log(), seq };
        let at = Timestamp::from_millis(NOW);
        let frame = json!({
            "type": "relay_delivery", "message_id": id, "from": boris(), "log": log(), "seq": seq,
            "at": at, "device": device_of(2), "payload": envelope,
        });
        self.send(frame).await;
    }

    async fn queued(&mut self, client_id: &Value, seq: Seq) {
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

    async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// What Boris's device seals for Anna's.
fn from_boris(id: u128, text: &str, log: LogId) -> Envelope {
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

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap()
}

async fn next_body(events: &mut Events) -> Body {
    match next(events).await {
        Event::Message(message) => message.body,
        other => panic!("not a message: {other:?}"),
    }
}

fn signed(text: &str) -> Body {
    Body::Text {
        text: text.to_owned(),
        proof: Proof::Signed,
    }
}

#[tokio::test]
async fn deliveries_are_given_once_and_acknowledged_together() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, cursors) = bench.accept_synced(&[]).await;
    assert_eq!(cursors, json!({}));
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.deliver(1, &from_boris(1, "one", log())).await;
    assert_eq!(next_body(&mut events).await, signed("one"));
    assert_eq!(peer.read("ack").await["seq"], 1);
    peer.deliver(1, &from_boris(1, "one", log())).await;
    assert_eq!(
        peer.read("ack").await["seq"],
        1,
        "what comes again is acknowledged again"
    );
    peer.deliver(2, &from_boris(2, "two", log())).await;
    assert_eq!(next_body(&mut events).await, signed("two"));
    assert_eq!(peer.read("ack").await["seq"], 2);
    live.close().await;
}

#[tokio::test]
async fn a_cut_connection_resumes_after_what_was_handled() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    peer.deliver(1, &from_boris(1, "one", log())).await;
    peer.read("ack").await;
    drop(peer);
    let (mut peer, cursors) = bench.accept_synced(&[(log(), 1)]).await;
    assert_eq!(cursors, json!(BTreeMap::from([(log(), 1)])));
    peer.deliver(2, &from_boris(2, "two", log())).await;
    peer.read("ack").await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let Event::Message(message) = next(&mut events).await {
            seen.push(message.body);
        }
    }
    assert_eq!(seen, [signed("one"), signed("two")]);
    live.close().await;
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_under_its_id() {
    let bench = bench().await;
    let (live, _events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let client_id = live.send(boris(), "hello").await.unwrap();
    let first = peer.read("relay").await;
    assert_eq!(first["client_id"], json!(client_id));
    drop(peer);
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let again = peer.read("relay").await;
    assert_eq!(
        (&again["client_id"], &again["payload"]),
        (&first["client_id"], &first["payload"])
    );
    peer.queued(&again["client_id"], 1).await;
    assert_eq!(peer.read("ack").await["seq"], 1);
    assert_eq!(bench.client.unsent(), 0);
    live.close().await;
}

#[tokio::test]
async fn what_the_server_has_already_is_not_sent_again() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    live.send(boris(), "first").await.unwrap();
    let first = peer.read("relay").await;
    drop(peer);
    let mut peer = bench.accept().await;
    peer.read("resume").await;
    peer.queued(&first["client_id"], 1).await;
    peer.synced(&[(log(), 1)]).await;
    peer.read("ack").await;
    let second = live.send(boris(), "second").await.unwrap();
    assert_eq!(peer.read("relay").await["client_id"], json!(second));
    let status = loop {
        if let Event::Status { client_id, seq, .. } = next(&mut events).await {
            break (client_id, seq);
        }
    };
    assert_eq!((json!(status.0), status.1), (first["client_id"].clone(), 1));
    live.close().await;
}

#[tokio::test]
async fn an_overtaking_answer_does_not_hide_a_delivery() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[(log(), 4)]).await;
    live.send(boris(), "mine").await.unwrap();
    let mine = peer.read("relay").await;
    peer.queued(&mine["client_id"], 6).await;
    assert_eq!(peer.read("ack").await["seq"], 4, "5 is missing");
    peer.deliver(5, &from_boris(5, "five", log())).await;
    assert_eq!(peer.read("ack").await["seq"], 6);
    assert!(matches!(next(&mut events).await, Event::Synced));
    assert!(matches!(
        next(&mut events).await,
        Event::Status { seq: 6, .. }
    ));
    assert_eq!(next_body(&mut events).await, signed("five"));
    live.close().await;
}

#[tokio::test]
async fn replays_and_foreign_envelopes_are_refused() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    let one = from_boris(1, "one", log());
    peer.deliver(1, &one).await;
    assert_eq!(next_body(&mut events).await, signed("one"));
    peer.deliver(2, &one).await;
    assert_eq!(
        next_body(&mut events).await,
        Body::Refused(Refusal::Replayed)
    );
    peer.deliver(3, &from_boris(3, "elsewhere", log_of(78)))
        .await;
    let foreign = Body::Refused(Refusal::Envelope(EnvelopeError::BadSignature));
    assert_eq!(next_body(&mut events).await, foreign);
    while peer.read("ack").await["seq"] != 3 {}
    live.close().await;
}

#[tokio::test]
async fn a_refusal_takes_the_message_out_of_the_outbox() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let client_id = live.send(boris(), "hello").await.unwrap();
    peer.read("relay").await;
    let error = melo_protocol::frame::ErrorFrame::new(
        melo_protocol::ErrorCode::NotAContact,
        "no",
        Some(client_id),
    );
    peer.send(error).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    assert!(
        matches!(next(&mut events).await, Event::SendFailed { client_id: id, .. } if id == client_id)
    );
    assert_eq!(bench.client.unsent(), 0);
    live.close().await;
}

#[tokio::test]
async fn a_rate_limit_does_not_change_the_order() {
    let bench = bench().await;
    let (live, _events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    for text in ["first", "second"] {
        live.send(boris(), text).await.unwrap();
    }
    let first = peer.read("relay").await;
    let refused = json!({
        "type": "msg_status", "status": "rate_limited", "client_id": first["client_id"], "retry_after": 0,
        "at": Timestamp::from_millis(NOW), "from": anna(), "to": boris(),
    });
    peer.send(refused).await;
    assert_eq!(peer.read("relay").await["client_id"], first["client_id"]);
    peer.queued(&first["client_id"], 1).await;
    assert_eq!(peer.read("ack").await["seq"], 1);
    assert_ne!(peer.read("relay").await["client_id"], first["client_id"]);
    live.close().await;
}

#[tokio::test]
async fn close_codes_say_whether_to_come_back() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (peer, _) = bench.accept_synced(&[]).await;
    peer.close(4100, "0").await;
    let (peer, _) = bench.accept_synced(&[]).await;
    peer.close(4001, "session revoked").await;
    let ended = loop {
        if let Event::Ended(ended) = next(&mut events).await {
            break ended;
        }
    };
    assert!(matches!(ended, Ended::Refused { code: 4001, .. }));
    assert!(events.next().await.is_none());
    live.close().await;
}

//! A WebSocket as a client holds it.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;

use crate::server::Site;
use crate::shape::Fields;
use crate::tls::Stream;
use crate::{PATIENCE, unique};

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Close code; 1006 when the connection was just gone.
    pub code: u16,
    /// Reason.
    pub reason: String,
}

/// The handshake's answer when it was not 101.
pub type Refused = Response<Option<Vec<u8>>>;

/// A WebSocket. Receipts (`msg_status` delivered and read) may come at any moment, whenever a device of the
/// other person has answered a ping: they are kept apart from the other frames. So are changes of contacts' presence,
/// and the notices about one's own new devices and what one's own devices did, which most flows are not about.
#[derive(Debug)]
pub struct Socket {
    inner: WebSocketStream<Stream>,
    frames: VecDeque<Value>,
    receipts: VecDeque<Value>,
    new_devices: VecDeque<Value>,
    asides: VecDeque<Value>,
}

impl Socket {
    /// Opens one on the WSS port with the token in its header.
    pub async fn open(site: &Site, token: &str) -> Self {
        let mut request = request(site, "/");
        bear(&mut request, token);
        Self::handshake(site, request)
            .await
            .expect("an open WebSocket")
    }

    /// Opens one at `path` of the WSS port, without anything else.
    pub async fn open_at(site: &Site, path: &str) -> Self {
        let opened = Self::handshake(site, request(site, path)).await;
        opened.expect("an open WebSocket")
    }

    /// Sends any handshake to the WSS port.
    pub async fn handshake(site: &Site, request: Request<()>) -> Result<Self, Box<Refused>> {
        let stream = site.tls.connect(site.ws_port).await;
        Self::handshake_over(stream.expect("a TLS connection"), request).await
    }

    /// Sends any handshake over a connection.
    pub async fn handshake_over(
        stream: Stream,
        request: Request<()>,
    ) -> Result<Self, Box<Refused>> {
        let limits = WebSocketConfig::default()
            .max_frame_size(None)
            .max_message_size(None);
        let opening = client_async_with_config(request, stream, Some(limits));
        match Box::pin(in_time("a handshake", opening)).await {
            Ok((inner, _)) => Ok(Self {
                inner,
                frames: VecDeque::new(),
                receipts: VecDeque::new(),
                new_devices: VecDeque::new(),
                asides: VecDeque::new(),
            }),
            Err(Error::Http(response)) => Err(response),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Sends a text.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends a message of any kind.
    pub async fn send_message(&mut self, message: Message) {
        let sent = in_time("sending", self.inner.send(message)).await;
        sent.expect("a sent message");
    }

    /// Sends a message if the connection still takes one.
    pub async fn try_send(&mut self, frame: &Value) -> Result<(), Error> {
        in_time("sending", self.inner.send(Message::text(frame.to_string()))).await
    }

    /// The next frame that is no receipt, or how the connection ended.
    pub async fn next(&mut self) -> Result<Value, Closed> {
        if let Some(frame) = self.frames.pop_front() {
            return Ok(frame);
        }
        loop {
            let frame = self.read().await?;
            if is_receipt(&frame) {
                self.receipts.push_back(frame);
            } else if is_new_device(&frame) {
                self.new_devices.push_back(frame);
            } else if is_aside(&frame) {
                self.asides.push_back(frame);
            } else {
                return Ok(frame);
            }
        }
    }

    /// The next frame of any kind, nothing kept apart. For those who use nothing else.
    pub async fn any(&mut self) -> Result<Value, Closed> {
        self.read().await
    }

    /// The next receipt.
    pub async fn receipt(&mut self) -> Value {
        if let Some(receipt) = self.receipts.pop_front() {
            return receipt;
        }
        loop {
            match self.read().await {
                Ok(frame) if is_receipt(&frame) => return frame,
                Ok(frame) if is_new_device(&frame) => self.new_devices.push_back(frame),
                Ok(frame) if is_aside(&frame) => self.asides.push_back(frame),
                Ok(frame) => self.frames.push_back(frame),
                Err(closed) => panic!("{closed:?} instead of a receipt"),
            }
        }
    }

    /// The next notice about a new device of one's own.
    pub async fn new_device(&mut self) -> Value {
        if let Some(notice) = self.new_devices.pop_front() {
            return notice;
        }
        loop {
            match self.read().await {
                Ok(frame) if is_new_device(&frame) => return frame,
                Ok(frame) if is_receipt(&frame) => self.receipts.push_back(frame),
                Ok(frame) if is_aside(&frame) => self.asides.push_back(frame),
                Ok(frame) => self.frames.push_back(frame),
                Err(closed) => panic!("{closed:?} instead of a notice"),
            }
        }
    }

    /// The next frame of this type among those that are kept apart: a change of a contact's presence, or what one's
    /// own devices did.
    pub async fn aside(&mut self, kind: &str) -> Value {
        loop {
            if let Some(at) = self.asides.iter().position(|frame| frame["type"] == kind) {
                return self.asides.remove(at).expect("a frame that was found");
            }
            match self.read().await {
                Ok(frame) if is_aside(&frame) => self.asides.push_back(frame),
                Ok(frame) if is_new_device(&frame) => self.new_devices.push_back(frame),
                Ok(frame) if is_receipt(&frame) => self.receipts.push_back(frame),
                Ok(frame) => self.frames.push_back(frame),
                Err(closed) => panic!("{closed:?} instead of {kind}"),
            }
        }
    }

    /// Those of this type that have come so far.
    pub fn asides(&mut self, kind: &str) -> Vec<Value> {
        let all = std::mem::take(&mut self.asides);
        let (taken, kept) = all.into_iter().partition(|frame| frame["type"] == kind);
        self.asides = kept;
        taken.into()
    }

    /// How many such notices have come and were not taken.
    pub fn new_devices(&self) -> usize {
        self.new_devices.len()
    }

    /// The receipts that have come so far.
    pub fn receipts(&mut self) -> Vec<Value> {
        self.receipts.drain(..).collect()
    }

    /// Whatever comes next. Pings of the server are answered on the way, and are not what is waited for.
    async fn read(&mut self) -> Result<Value, Closed> {
        in_time("a frame", self.read_past_pings()).await
    }

    async fn read_past_pings(&mut self) -> Result<Value, Closed> {
        loop {
            let Some(Ok(message)) = self.inner.next().await else {
                return Err(Closed {
                    code: 1006,
                    reason: String::new(),
                });
            };
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).expect("a JSON frame");
                    assert!(frame["type"].is_string(), "a frame without a type: {frame}");
                    return Ok(frame);
                }
                Message::Close(Some(close)) => {
                    return Err(Closed {
                        code: close.code.into(),
                        reason: close.reason.to_string(),
                    });
                }
                Message::Close(None) => {
                    return Err(Closed {
                        code: 1005,
                        reason: String::new(),
                    });
                }
                // The answer to a ping goes out with the next read.
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("the server sends text only: {other:?}"),
            }
        }
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Value {
        let next = self.next().await;
        next.unwrap_or_else(|closed| panic!("closed instead of a frame: {closed:?}"))
    }

    /// The next frame, which must be of this type.
    pub async fn expect_frame(&mut self, kind: &str) -> Value {
        let frame = self.frame().await;
        assert_eq!(
            frame["type"], kind,
            "expected {kind}, but there came {frame}"
        );
        frame
    }

    /// The next frame, which must be this error.
    pub async fn expect_error(&mut self, code: &str) -> Value {
        let frame = self.expect_frame("error").await;
        assert_eq!(frame["code"], code, "{frame}");
        assert!(!frame.text("detail").is_empty());
        assert!(frame["retryable"].is_boolean());
        frame
    }

    /// Everything before the next frame of this type, which is taken too.
    pub async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) if frame["type"] == kind => return before,
                Ok(frame) => before.push(frame),
                Err(closed) => panic!("{closed:?} instead of {kind}, after {before:?}"),
            }
        }
    }

    /// The next messages, so many of them, and nothing else.
    pub async fn deliveries(&mut self, count: usize) -> Vec<Value> {
        let mut deliveries = Vec::with_capacity(count);
        while deliveries.len() < count {
            deliveries.push(self.expect_frame("relay_delivery").await);
        }
        deliveries
    }

    /// Everything that was under way to this connection. The server answers a ping before it writes what has
    /// queued up, and writes that before it reads again: what comes before the second answer was all. A message
    /// that its sender has just been told of may not have queued up yet: this shows what did not happen, and
    /// [`Socket::deliveries`] waits for what did.
    pub async fn barrier(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        for _ in 0..2 {
            self.send(&json!({"type": "ping"})).await;
            frames.extend(self.until("pong").await);
        }
        frames
    }

    /// Reads to the end of the connection: the frames before it, and how it ended.
    pub async fn read_to_end(&mut self) -> (Vec<Value>, Closed) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(closed) => return (frames, closed),
            }
        }
    }

    /// The end of the connection, before which nothing may come.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let (frames, closed) = self.read_to_end().await;
        assert_eq!(closed.code, code, "{closed:?} after {frames:?}");
        assert!(frames.is_empty(), "before the close: {frames:?}");
        closed.reason
    }

    /// Sends a message and goes on without waiting. Returns its id.
    pub async fn relay(&mut self, target: &str, payload: &Value) -> Uuid {
        let client_id = unique::client_id();
        self.relay_as(target, payload, client_id).await;
        client_id
    }

    /// Sends a message under this id.
    pub async fn relay_as(&mut self, target: &str, payload: &Value, client_id: Uuid) {
        self.send(&relay(target, payload, client_id)).await;
    }

    /// Sends a message and waits for its `queued`, which must come next.
    pub async fn say(&mut self, target: &str, payload: &Value) -> Value {
        let client_id = self.relay(target, payload).await;
        let status = self.expect_frame("msg_status").await;
        assert_eq!(status["status"], "queued", "{status}");
        assert_eq!(status["client_id"], client_id.to_string(), "{status}");
        status
    }

    /// Acknowledges everything up to `seq`.
    pub async fn ack(&mut self, log: &str, seq: u64) {
        self.send(&json!({"type": "ack", "log": log, "seq": seq}))
            .await;
    }

    /// Asks for what lies after these positions.
    pub async fn resume(&mut self, cursors: &BTreeMap<String, u64>) {
        self.send(&json!({"type": "resume", "cursors": cursors}))
            .await;
    }

    /// Closes as a client should.
    pub async fn close(mut self) {
        // A server that was faster is none the worse.
        let _ = self.inner.close(None).await;
        while let Ok(Some(Ok(_))) = tokio::time::timeout(PATIENCE, self.inner.next()).await {}
    }
}

fn is_new_device(frame: &Value) -> bool {
    frame["type"] == "new_device"
}

/// What may come at any moment, and most flows are not about.
pub(crate) fn is_aside(frame: &Value) -> bool {
    const KINDS: [&str; 6] = [
        "status_change",
        "contact_requested",
        "contact_accepted",
        "contact_request_ended",
        "contact_removed",
        "block_changed",
    ];
    frame["type"]
        .as_str()
        .is_some_and(|kind| KINDS.contains(&kind))
}

fn is_receipt(frame: &Value) -> bool {
    frame["type"] == "msg_status" && (frame["status"] == "delivered" || frame["status"] == "read")
}

/// A `relay` frame.
pub fn relay(target: &str, payload: &Value, client_id: Uuid) -> Value {
    json!({"type": "relay", "target": target, "payload": payload, "client_id": client_id})
}

/// A handshake for `path` of the WSS port.
pub fn request(site: &Site, path: &str) -> Request<()> {
    let url = format!("wss://localhost:{}{path}", site.ws_port);
    url.into_client_request().expect("a request")
}

/// Puts a token into a handshake's header.
pub fn bear(request: &mut Request<()>, token: &str) {
    set_header(request, "authorization", &format!("Bearer {token}"));
}

/// Puts a header into a handshake.
pub fn set_header(request: &mut Request<()>, name: &'static str, value: &str) {
    let value = value.parse().expect("a header value");
    request.headers_mut().insert(name, value);
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

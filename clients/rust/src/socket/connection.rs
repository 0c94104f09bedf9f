//! One WebSocket connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use melo_domain::Secret;
use melo_protocol::MAX_FRAME_BYTES;
use reqwest::Url;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::Incoming;
use crate::rest::certificate_error;

/// How long connecting, TLS and the upgrade may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The most frames that are handled as one batch.
const MAX_BATCH: usize = 256;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address or the token cannot be sent.
    #[error("the WebSocket address is not usable")]
    Address,
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// No connection, or it broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// 401 or 403: the access token is not taken.
    #[error("the server does not take the access token")]
    Unauthorized,
    /// Another answer than the upgrade.
    #[error("the server answered with status {0} instead of a WebSocket")]
    Refused(u16),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code; absent when the connection was lost.
    pub code: Option<u16>,
    /// The reason given, or what was lost.
    pub reason: String,
}

type Stream = WebSocketStream<TlsStream<TcpStream>>;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    closed: Option<Closed>,
    last_heard: Instant,
}

impl Connection {
    /// Connects to `url` with the access token in the `Authorization` header. With `resume`, the server waits
    /// for a `resume` frame before it sends anything.
    pub async fn open(
        tls: &Arc<rustls::ClientConfig>,
        url: &Url,
        token: &Secret,
        user_agent: &str,
        resume: bool,
    ) -> Result<Self, ConnectError> {
        let opening = open_stream(tls, url, token, user_agent, resume);
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, opening)
            .await
            .map_err(|_| ConnectError::Unreachable("no answer in time".to_owned()))??;
        Ok(Self {
            stream,
            closed: None,
            last_heard: Instant::now(),
        })
    }

    /// The next frames: at least one, and all others that are here already. May be dropped while waiting
    /// without losing any.
    pub async fn next_batch(&mut self) -> Result<Vec<Incoming>, Closed> {
        let mut batch = Vec::new();
        loop {
            if let Some(closed) = &self.closed {
                return if batch.is_empty() {
                    Err(closed.clone())
                } else {
                    Ok(batch)
                };
            }
            let message = if batch.is_empty() {
                self.stream.next().await
            } else {
                match self.stream.next().now_or_never() {
                    Some(message) if batch.len() < MAX_BATCH => message,
                    Some(message) => {
                        self.take(message, &mut batch);
                        return Ok(batch);
                    }
                    None => return Ok(batch),
                }
            };
            self.last_heard = Instant::now();
            self.take(message, &mut batch);
        }
    }

    fn take(&mut self, message: Option<Result<Message, WsError>>, batch: &mut Vec<Incoming>) {
        match read(message) {
            Ok(Some(frame)) => batch.push(frame),
            Ok(None) => {}
            Err(closed) => self.closed = Some(closed),
        }
    }

    /// Sends one text frame.
    pub async fn send(&mut self, text: String) -> Result<(), Closed> {
        self.stream
            .send(Message::text(text))
            .await
            .map_err(|e| lost(&e))
    }

    /// When the server last sent anything, its pings included.
    pub fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Says goodbye; does not wait for the answer.
    pub async fn close(mut self) {
        // The connection is given up either way.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.stream.close(None)).await;
    }

    /// Two halves for two tasks.
    pub fn split(self) -> (FrameWriter, FrameReader) {
        let (sink, stream) = self.stream.split();
        (FrameWriter(sink), FrameReader(stream))
    }
}

/// The writing half of a [`Connection`].
#[derive(Debug)]
pub struct FrameWriter(SplitSink<Stream, Message>);

impl FrameWriter {
    /// Sends one text frame.
    pub async fn send(&mut self, text: String) -> Result<(), Closed> {
        self.0.send(Message::text(text)).await.map_err(|e| lost(&e))
    }

    /// Queues one text frame without sending it yet; see [`Self::flush`].
    pub async fn feed(&mut self, text: String) -> Result<(), Closed> {
        self.0.feed(Message::text(text)).await.map_err(|e| lost(&e))
    }

    /// Sends what was queued.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        self.0.flush().await.map_err(|e| lost(&e))
    }
}

/// The reading half of a [`Connection`].
#[derive(Debug)]
pub struct FrameReader(SplitStream<Stream>);

impl FrameReader {
    /// The text of the next frame.
    pub async fn next_text(&mut self) -> Result<String, Closed> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                other => {
                    read(other)?;
                }
            }
        }
    }
}

async fn open_stream(
    tls: &Arc<rustls::ClientConfig>,
    url: &Url,
    token: &Secret,
    user_agent: &str,
    resume: bool,
) -> Result<Stream, ConnectError> {
    let host = url.host_str().ok_or(ConnectError::Address)?;
    let bare_host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = url.port_or_known_default().ok_or(ConnectError::Address)?;
    let name = ServerName::try_from(bare_host.clone()).map_err(|_| ConnectError::Address)?;
    let mut url = url.clone();
    if resume {
        url.query_pairs_mut().append_pair("resume", "1");
    }
    let mut request = url
        .as_str()
        .into_client_request()
        .map_err(|_| ConnectError::Address)?;
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_| ConnectError::Address);
    let mut bearer = header(&format!("Bearer {}", token.expose()))?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    request
        .headers_mut()
        .insert(USER_AGENT, header(user_agent)?);

    let unreachable = |e: std::io::Error| match certificate_error(&e) {
        Some(why) => ConnectError::Untrusted(why),
        None => ConnectError::Unreachable(e.to_string()),
    };
    let tcp = TcpStream::connect((bare_host.as_str(), port))
        .await
        .map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, tcp)
        .await
        .map_err(unreachable)?;
    // A message of the full size comes with some members of the frame around it.
    let config = WebSocketConfig::default()
        .max_message_size(Some(2 * MAX_FRAME_BYTES))
        .max_frame_size(Some(2 * MAX_FRAME_BYTES))
        .read_buffer_size(16 * 1024)
        .write_buffer_size(16 * 1024);
    match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((stream, _)) => Ok(stream),
        Err(WsError::Http(answer)) => match answer.status().as_u16() {
            401 | 403 => Err(ConnectError::Unauthorized),
            status => Err(ConnectError::Refused(status)),
        },
        Err(error) => Err(ConnectError::Unreachable(error.to_string())),
    }
}

fn lost(error: &WsError) -> Closed {
    let reason = match error {
        // rustls' own words for a missing close_notify are for programmers.
        WsError::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was cut".to_owned()
        }
        other => other.to_string(),
    };
    Closed { code: None, reason }
}

/// The frame in a message; `None` for pings and what this version cannot read.
fn read(message: Option<Result<Message, WsError>>) -> Result<Option<Incoming>, Closed> {
    match message {
        Some(Ok(Message::Text(text))) => match Incoming::parse(&text) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => {
                tracing::warn!(%error, "frame passed over");
                Ok(None)
            }
        },
        Some(Ok(Message::Close(Some(frame)))) => Err(Closed {
            code: Some(frame.code.into()),
            reason: frame.reason.as_str().to_owned(),
        }),
        Some(Ok(Message::Close(None))) | None => Err(Closed {
            code: None,
            reason: "connection closed".to_owned(),
        }),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(lost(&error)),
    }
}

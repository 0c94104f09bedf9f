//! A WebSocket client (RFC 6455) that costs little: frames are parsed where they were read, and everything
//! waiting to be sent goes out in one TLS write. Only what a server of ours sends is understood: whole text
//! frames and control frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use melo_client::crypto::random;
use melo_domain::Secret;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::fail::Failure;
use crate::snapshot::Target;

/// First size of the read buffer; it grows to the longest frame.
const READ_BUFFER: usize = 8 * 1024;
/// Longest answer to the upgrade.
const MAX_HEAD: usize = 16 * 1024;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// In place of a length: it follows in two bytes, or in eight.
const IN_TWO: u8 = 0x7E;
const IN_EIGHT: u8 = 0x7F;

/// Where and how to connect.
#[derive(Clone)]
pub(crate) struct Dialer {
    tls: TlsConnector,
    name: ServerName<'static>,
    host: String,
    port: u16,
    path: String,
}

impl Dialer {
    /// For one server.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let address = target.address()?;
        let wss = address.wss();
        let bad = || Failure::Handshake(format!("{wss} is no address"));
        let host = wss.host_str().ok_or_else(bad)?.to_owned();
        let config: Arc<ClientConfig> = target.tls()?;
        Ok(Self {
            tls: TlsConnector::from(config),
            name: ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|_| bad())?,
            port: wss.port_or_known_default().ok_or_else(bad)?,
            path: wss.path().to_owned(),
            host,
        })
    }

    /// Opens a connection as the user of `token`.
    pub(crate) async fn connect(&self, token: &Secret) -> Result<Socket, Failure> {
        let host = self.host.trim_matches(['[', ']']);
        let tcp = TcpStream::connect((host, self.port)).await?;
        tcp.set_nodelay(true)?;
        let mut stream = self.tls.connect(self.name.clone(), tcp).await?;
        let key = generate_key();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {}\r\n\r\n",
            self.path,
            self.host,
            self.port,
            token.expose()
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::with_capacity(1024);
        let rest = loop {
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break head.split_off(end + 4);
            }
            if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Err(Failure::Handshake("no answer to the upgrade".to_owned()));
            }
        };
        check_upgrade(&head, &key)?;
        Ok(Socket {
            stream,
            incoming: Incoming::starting_with(&rest),
            outgoing: Outgoing::new(u32::from_ne_bytes(random::bytes()?)),
        })
    }
}

fn check_upgrade(head: &[u8], key: &str) -> Result<(), Failure> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(Failure::Handshake(status.to_owned()));
    }
    let accept = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-accept")
            .then(|| value.trim().to_owned())
    });
    if accept == Some(derive_accept_key(key.as_bytes())) {
        Ok(())
    } else {
        Err(Failure::Handshake(
            "the upgrade was accepted for another key".to_owned(),
        ))
    }
}

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// One JSON object.
    Text(&'a [u8]),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The end.
    Close { code: u16, reason: String },
    /// Of no interest.
    Other,
}

/// What was read and not looked at yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Incoming {
    fn starting_with(bytes: &[u8]) -> Self {
        let mut buffer = vec![0; READ_BUFFER.max(bytes.len())];
        buffer[..bytes.len()].copy_from_slice(bytes);
        Self {
            buffer,
            start: 0,
            end: bytes.len(),
        }
    }

    /// The next frame, if it is there as a whole.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>, Failure> {
        let unread = &self.buffer[self.start..self.end];
        let Some((first, payload)) = header(unread)? else {
            return Ok(None);
        };
        if unread.len() < payload.end {
            return Ok(None);
        }
        let from = self.start;
        self.start += payload.end;
        let payload = &self.buffer[from + payload.start..from + payload.end];
        Ok(Some(match first & !FINAL {
            _ if first & FINAL == 0 => return Err(Failure::Protocol("a frame in fragments")),
            TEXT => Frame::Text(payload),
            PING => Frame::Ping(payload),
            CLOSE => {
                let (code, reason) = payload.split_at_checked(2).unwrap_or((&[0, 0], &[]));
                Frame::Close {
                    code: code
                        .iter()
                        .fold(0, |code, byte| (code << 8) | u16::from(*byte)),
                    reason: String::from_utf8_lossy(reason).into_owned(),
                }
            }
            _ => Frame::Other,
        }))
    }

    /// Room to read into: all of the buffer once everything in it was looked at.
    fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        &mut self.buffer[self.end..]
    }
}

/// The first byte of a frame and where its payload lies, once the header is there (section 5.2).
fn header(bytes: &[u8]) -> Result<Option<(u8, std::ops::Range<usize>)>, Failure> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if second & MASKED != 0 {
        return Err(Failure::Protocol("a masked frame"));
    }
    let (start, length) = match *second {
        IN_TWO => match rest.first_chunk::<2>() {
            Some(length) => (4, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        IN_EIGHT => match rest.first_chunk::<8>() {
            Some(length) => {
                let length = usize::try_from(u64::from_be_bytes(*length)).ok();
                let length = length.filter(|l| *l <= 64 << 20);
                (10, length.ok_or(Failure::Protocol("an endless frame"))?)
            }
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    Ok(Some((*first, start..start + length)))
}

/// What waits to be written.
#[derive(Debug)]
pub(crate) struct Outgoing {
    buffer: Vec<u8>,
    written: usize,
    unflushed: bool,
    mask: u32,
}

impl Outgoing {
    fn new(mask: u32) -> Self {
        Self {
            buffer: Vec::new(),
            written: 0,
            unflushed: false,
            mask: mask | 1,
        }
    }

    /// Adds a text frame.
    pub(crate) fn text(&mut self, payload: &[u8]) {
        self.frame(TEXT, payload);
    }

    /// Adds the answer to a ping.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        self.frame(PONG, payload);
    }

    /// Adds the close frame of a client that is done (code 1000).
    pub(crate) fn close(&mut self) {
        self.frame(CLOSE, &1000_u16.to_be_bytes());
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && !self.unflushed
    }

    #[allow(clippy::cast_possible_truncation)] // each length is checked by the arm it stands in
    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.buffer.push(FINAL | opcode);
        match payload.len() {
            length @ 0..126 => self.buffer.push(MASKED | length as u8),
            length @ 126..0x1_0000 => {
                self.buffer.push(MASKED | IN_TWO);
                self.buffer.extend((length as u16).to_be_bytes());
            }
            length => {
                self.buffer.push(MASKED | IN_EIGHT);
                self.buffer.extend((length as u64).to_be_bytes());
            }
        }
        // xorshift32: what is masked here is no secret, the mask only has to change.
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        let mask = self.mask.to_ne_bytes();
        self.buffer.extend(mask);
        let start = self.buffer.len();
        self.buffer.extend_from_slice(payload);
        for chunk in self.buffer[start..].chunks_mut(4) {
            for (byte, mask) in chunk.iter_mut().zip(mask) {
                *byte ^= mask;
            }
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TlsStream<TcpStream>,
    pub incoming: Incoming,
    pub outgoing: Outgoing,
}

impl Socket {
    /// Writes what waits, and returns once something was read. Dropping the future loses nothing.
    pub(crate) async fn exchange(&mut self) -> Result<(), Failure> {
        std::future::poll_fn(|cx| {
            // Reading goes on while writing is stuck, so that neither side waits for the other.
            let _ = self.poll_write(cx)?;
            self.poll_read(cx)
        })
        .await
    }

    /// Writes all that waits.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        std::future::poll_fn(|cx| self.poll_write(cx)).await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let out = &mut self.outgoing;
        while out.written < out.buffer.len() {
            out.unflushed = true;
            let rest = &out.buffer[out.written..];
            out.written += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        out.buffer.clear();
        out.written = 0;
        if out.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            out.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut into = ReadBuf::new(self.incoming.room());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into))?;
        let read = into.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        self.incoming.end += read;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(incoming: &mut Incoming, bytes: &[u8]) {
        for byte in bytes {
            incoming.room()[0] = *byte;
            incoming.end += 1;
        }
    }

    #[test]
    fn frames_of_every_length_form_are_read_byte_by_byte() {
        let mut incoming = Incoming::starting_with(&[]);
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = vec![FINAL | TEXT];
            match length {
                0..126 => bytes.push(u8::try_from(length).unwrap()),
                126..0x1_0000 => {
                    bytes.push(126);
                    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.extend(&payload);
            let (last, most) = bytes.split_last().unwrap();
            read(&mut incoming, most);
            assert_eq!(incoming.next().unwrap(), None);
            read(&mut incoming, &[*last]);
            assert_eq!(incoming.next().unwrap(), Some(Frame::Text(&payload)));
        }
    }

    #[test]
    fn control_frames_and_faults_are_told_apart() {
        let mut incoming = Incoming::starting_with(&[0x89, 1, b'p', 0x88, 3, 0x10, 0x05, b'r']);
        assert_eq!(incoming.next().unwrap(), Some(Frame::Ping(b"p")));
        let close = Frame::Close {
            code: 4101,
            reason: "r".to_owned(),
        };
        assert_eq!(incoming.next().unwrap(), Some(close));
        assert!(Incoming::starting_with(&[0x81, 0x80]).next().is_err());
        assert!(Incoming::starting_with(&[0x01, 0x00]).next().is_err());
    }

    #[test]
    fn what_is_written_is_masked_and_unmasks_to_itself() {
        let mut outgoing = Outgoing::new(7);
        let payload: Vec<u8> = (0..=250).collect();
        outgoing.text(&payload);
        let [first, second, high, low, a, b, c, d, masked @ ..] = outgoing.buffer.as_slice() else {
            panic!("too short");
        };
        assert_eq!((*first, *second), (0x81, 0x80 | IN_TWO));
        assert_eq!(u16::from_be_bytes([*high, *low]), 251);
        let mask = [*a, *b, *c, *d];
        assert_ne!(masked, payload);
        let unmasked: Vec<u8> = masked
            .iter()
            .zip(mask.iter().cycle())
            .map(|(b, m)| b ^ m)
            .collect();
        assert_eq!(unmasked, payload);
    }

    #[test]
    fn an_upgrade_for_another_key_is_refused() {
        let accept = derive_accept_key(b"k");
        let head = |key: &str| {
            format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {key}\r\n\r\n")
        };
        assert!(check_upgrade(head(&accept).as_bytes(), "k").is_ok());
        assert!(check_upgrade(head("other").as_bytes(), "k").is_err());
        assert!(check_upgrade(b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "k").is_err());
    }
}

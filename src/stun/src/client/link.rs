//! The ways to a server: datagrams, or a stream of frames.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

use crate::frame::{MAX_FRAME, frame_length};

/// A stream in both directions: TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A way to a server.
pub enum Link {
    /// A socket that is connected to it.
    Udp(UdpSocket),
    /// A stream, and what of it was received and not read yet.
    Stream(Box<dyn Stream>, Vec<u8>),
}

impl Link {
    /// Whether nothing is lost on it and nothing needs to be said twice.
    pub(super) fn is_reliable(&self) -> bool {
        matches!(self, Self::Stream(..))
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message).await.map(drop),
            Self::Stream(stream, _) => {
                stream.write_all(message).await?;
                let padding = message.len().next_multiple_of(4) - message.len();
                stream.write_all(&[0; 3][..padding]).await?;
                stream.flush().await
            }
        }
    }

    /// The next message. May be given up at any moment: nothing is lost by that.
    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; MAX_FRAME];
                let length = socket.recv(&mut buffer).await?;
                buffer.truncate(length);
                Ok(buffer)
            }
            Self::Stream(stream, received) => loop {
                if let Some(frame) = frame_length(received).map_err(io::Error::other)?
                    && received.len() >= frame.padded
                {
                    let rest = received.split_off(frame.padded);
                    let mut message = std::mem::replace(received, rest);
                    message.truncate(frame.length);
                    return Ok(message);
                }
                if stream.read_buf(received).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            },
        }
    }
}

//! Sockets of this machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use melo_crypto::random;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// How many ports are tried before there are none.
const ATTEMPTS: u32 = 512;
/// What the system may keep of datagrams that were not read yet; it gives less where its own limit is lower.
const LISTENER_BUFFER: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // Each family has a socket of its own: an IPv4 client is never seen in IPv6 clothes.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Listens for datagrams.
pub(super) fn listen_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    // As much as the system gives.
    let _ = socket.set_recv_buffer_size(LISTENER_BUFFER);
    let _ = socket.set_send_buffer_size(LISTENER_BUFFER);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Listens for streams.
pub(super) fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind_relay(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// A socket on a random free port of the range; with `even`, on an even one.
pub(super) fn relay_socket(
    bind: IpAddr,
    range: &RangeInclusive<u16>,
    even: bool,
) -> io::Result<UdpSocket> {
    let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
    let count = last.saturating_sub(first) + 1;
    let start = u32::try_from(random::u64() % u64::from(count)).unwrap_or_default();
    let mut refusal = io::ErrorKind::AddrInUse.into();
    for step in 0..count.min(ATTEMPTS) {
        let port = first + (start + step) % count;
        if even && port % 2 != 0 {
            continue;
        }
        match bind_relay(SocketAddr::new(
            bind,
            u16::try_from(port).unwrap_or_default(),
        )) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => refusal = error,
            Err(error) => return Err(error),
            Ok(socket) => return Ok(socket),
        }
    }
    Err(refusal)
}

/// Two sockets on neighbouring ports, the first of them even (RFC 8656, section 7.2).
pub(super) fn relay_pair(
    bind: IpAddr,
    range: &RangeInclusive<u16>,
) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..16 {
        let first = relay_socket(bind, range, true)?;
        let next = first.local_addr()?.port().saturating_add(1);
        if range.contains(&next)
            && let Ok(second) = bind_relay(SocketAddr::new(bind, next))
        {
            return Ok((first, second));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

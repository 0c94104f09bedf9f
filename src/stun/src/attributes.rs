//! Attributes: their types, and the addresses in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::message::{MAGIC_COOKIE, Message, TransactionId};

/// Types of attributes (RFC 8489, section 18.3; RFC 8656, section 18).
#[allow(missing_docs)] // each is named as the standards name it
pub mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub const CHANNEL_NUMBER: u16 = 0x000C;
    pub const LIFETIME: u16 = 0x000D;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const EVEN_PORT: u16 = 0x0018;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const DONT_FRAGMENT: u16 = 0x001A;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    pub const SOFTWARE: u16 = 0x8022;
    pub const FINGERPRINT: u16 = 0x8028;
}

const IPV4: u8 = 0x01;
const IPV6: u8 = 0x02;

/// An address as it lies in an attribute, mixed with the cookie and the transaction (RFC 8489, section 14.2), so that
/// no box on the way takes it for an address to be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl Address {
    /// Reads the value of an attribute.
    pub fn read(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
        let [0, family, p0, p1, rest @ ..] = value else {
            return None;
        };
        let port = u16::from_be_bytes([*p0, *p1]) ^ port_mask();
        let ip = match *family {
            IPV4 => IpAddr::V4(Ipv4Addr::from(
                u32::from_be_bytes(rest.try_into().ok()?) ^ MAGIC_COOKIE,
            )),
            IPV6 => IpAddr::V6(Ipv6Addr::from(
                u128::from_be_bytes(rest.try_into().ok()?) ^ address_mask(id),
            )),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Puts the value of an attribute behind `out`.
    pub fn write(self, id: TransactionId, out: &mut Vec<u8>) {
        let Self(address) = self;
        let port = (address.port() ^ port_mask()).to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) => {
                out.extend_from_slice(&[0, IPV4]);
                out.extend_from_slice(&port);
                out.extend_from_slice(&(u32::from(ip) ^ MAGIC_COOKIE).to_be_bytes());
            }
            IpAddr::V6(ip) => {
                out.extend_from_slice(&[0, IPV6]);
                out.extend_from_slice(&port);
                out.extend_from_slice(&(u128::from(ip) ^ address_mask(id)).to_be_bytes());
            }
        }
    }
}

/// The upper half of the cookie.
fn port_mask() -> u16 {
    u16::try_from(MAGIC_COOKIE >> 16).unwrap_or_default()
}

fn address_mask(id: TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&id);
    u128::from_be_bytes(mask)
}

impl Message<'_> {
    /// An attribute that is an address.
    pub fn address(&self, wanted: u16) -> Option<SocketAddr> {
        Address::read(self.get(wanted)?, self.id())
    }
}

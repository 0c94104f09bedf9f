//! Writes messages.

use std::net::SocketAddr;

use crate::attributes::{Address, attribute};
use crate::credentials::Key;
use crate::integrity;
use crate::message::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, message_type};

/// A message that is being written: attributes in the order in which they are put.
#[derive(Debug, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
    id: TransactionId,
}

impl Writer {
    /// A message without attributes.
    pub fn new(class: Class, method: Method, id: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&message_type(class, method).to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(&id);
        Self { bytes, id }
    }

    /// An attribute; one that is longer than its length can say is cut.
    #[must_use]
    pub fn put(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(&value[..length.into()]);
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
        self
    }

    /// A number of 32 bits.
    #[must_use]
    pub fn put_number(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// An address, mixed.
    #[must_use]
    pub fn put_address(self, kind: u16, address: SocketAddr) -> Self {
        let mut value = Vec::with_capacity(20);
        Address(address).write(self.id, &mut value);
        self.put(kind, &value)
    }

    /// The code of an error answer, with a word for whoever reads a capture.
    #[must_use]
    pub fn put_error(self, code: u16, reason: &str) -> Self {
        let class = u8::try_from(code / 100).unwrap_or_default();
        let number = u8::try_from(code % 100).unwrap_or_default();
        let value = [&[0, 0, class, number], reason.as_bytes()].concat();
        self.put(attribute::ERROR_CODE, &value)
    }

    /// The message as it stands.
    pub fn finish(mut self) -> Vec<u8> {
        let length = self.bytes.len() - HEADER;
        integrity::set_length(&mut self.bytes, length);
        self.bytes
    }

    /// With MESSAGE-INTEGRITY (RFC 8489, section 14.5) behind it.
    #[must_use]
    pub fn sign(mut self, key: &Key) -> Self {
        // The length that is signed includes the signature.
        let length = self.bytes.len() - HEADER + 24;
        integrity::set_length(&mut self.bytes, length);
        let tag = integrity::tag(key, &[&self.bytes]);
        self.put(attribute::MESSAGE_INTEGRITY, &tag)
    }

    /// With FINGERPRINT (RFC 8489, section 14.7) behind everything.
    #[must_use]
    pub fn fingerprint(mut self) -> Self {
        let length = self.bytes.len() - HEADER + 8;
        integrity::set_length(&mut self.bytes, length);
        let print = integrity::fingerprint(&self.bytes);
        self.put_number(attribute::FINGERPRINT, print)
    }
}

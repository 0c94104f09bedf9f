//! Why the server ends a WebSocket. The range tells a client what to do: 4000 to 4099 do not come
//! back with what you have, 4100 to 4199 reconnect and resume.

/// A WebSocket close code (RFC 6455, section 7.4) that the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1008: the token or ticket is missing, wrong or spent.
    PolicyViolation,
    /// 4001: the session was ended, here or from another device.
    SessionRevoked,
    /// 4002: the account is locked or banned, or its phone number, its device or the address is banned.
    AccountLocked,
    /// 4003: not WebSocket, or not text, or not how this protocol is spoken.
    ProtocolError,
    /// 4004: a frame or message longer than [`MAX_FRAME_BYTES`](crate::MAX_FRAME_BYTES).
    FrameTooLarge,
    /// 4005: the same device opened a newer connection.
    Replaced,
    /// 4100: the server stops. The reason is the delay in seconds before trying again.
    GoingAway,
    /// 4101: this connection reads more slowly than it is written to; nothing is lost, resume.
    SlowConsumer,
    /// 4102: another node serves this client better.
    TryAnotherNode,
    /// 4103: the access token expired and no `reauth` came.
    TokenExpired,
}

impl CloseCode {
    /// The number in the close frame.
    pub fn code(self) -> u16 {
        match self {
            Self::PolicyViolation => 1008,
            Self::SessionRevoked => 4001,
            Self::AccountLocked => 4002,
            Self::ProtocolError => 4003,
            Self::FrameTooLarge => 4004,
            Self::Replaced => 4005,
            Self::GoingAway => 4100,
            Self::SlowConsumer => 4101,
            Self::TryAnotherNode => 4102,
            Self::TokenExpired => 4103,
        }
    }

    /// Whether a client should reconnect and resume by itself.
    pub fn reconnect(code: u16) -> bool {
        !(code == 1008 || (4000..=4099).contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_tell_whether_to_come_back() {
        for stay_away in [
            CloseCode::PolicyViolation,
            CloseCode::SessionRevoked,
            CloseCode::FrameTooLarge,
            CloseCode::Replaced,
        ] {
            assert!(!CloseCode::reconnect(stay_away.code()));
        }
        for come_back in [
            CloseCode::GoingAway,
            CloseCode::SlowConsumer,
            CloseCode::TokenExpired,
        ] {
            assert!(CloseCode::reconnect(come_back.code()));
        }
        assert!(
            CloseCode::reconnect(1006),
            "a lost connection is no refusal"
        );
    }
}

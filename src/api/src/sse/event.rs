//! How an event is written.

use std::fmt::{Display, Write as _};

use bytes::Bytes;
use melo_domain::Timestamp;
use melo_realtime::Close;
use serde_json::json;

/// One event. The lines of `data` come together again as they were; JSON has line ends between its tokens only.
pub(super) fn event(id: Option<&dyn Display>, name: Option<&str>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 64);
    // Writing to a String cannot fail.
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    if let Some(name) = name {
        let _ = writeln!(text, "event: {name}");
    }
    for line in data.split(['\n', '\r']) {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text.into()
}

/// What goes first: how long to wait before coming back, in milliseconds.
pub(super) fn retry() -> Bytes {
    Bytes::from_static(b"retry: 3000\n\n")
}

/// A sign of life.
pub(super) fn heartbeat(now: Timestamp) -> Bytes {
    let data = json!({"type": "heartbeat", "timestamp": now});
    event(None, Some("heartbeat"), &data.to_string())
}

/// The last event. The code is that of a WebSocket's close frame.
pub(super) fn close(close: &Close) -> Bytes {
    let code = close.code.code();
    let data = json!({
        "type": "close",
        "code": code,
        "reason": close.reason,
        "reconnect": melo_protocol::CloseCode::reconnect(code),
    });
    event(None, Some("close"), &data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_in_a_payload_do_not_end_the_event() {
        let data = "{\"a\":\r\n1,\n\n\"b\":2}";
        let text = event(Some(&7), Some("x"), data);
        let text = std::str::from_utf8(&text).unwrap();
        assert_eq!(
            text,
            "id: 7\nevent: x\ndata: {\"a\":\ndata: \ndata: 1,\ndata: \ndata: \"b\":2}\n\n"
        );
    }
}

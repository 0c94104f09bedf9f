//! A stream of Server-Sent Events as a client reads it (WHATWG HTML, section 9.2.6).

use reqwest::{Response, header};
use serde_json::Value;

use crate::socket::is_aside;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id; empty when it has none.
    pub id: String,
    /// Its name; `message` when it has none.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// An open stream. Receipts, and what else a [`Socket`](crate::Socket) keeps apart, are passed over.
#[derive(Debug)]
pub struct Events {
    response: Response,
    read: Vec<u8>,
    /// The last id that was seen: what a client hands back.
    pub last_id: String,
}

impl Events {
    pub(crate) fn new(response: Response) -> Self {
        let of = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        assert_eq!(of(header::CONTENT_TYPE), Some("text/event-stream"));
        assert_eq!(of(header::CACHE_CONTROL), Some("no-store"));
        Self {
            response,
            read: Vec::new(),
            last_id: String::new(),
        }
    }

    /// The next event of any kind; none when the stream has ended.
    pub async fn any(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("UTF-8");
                if let Some(event) = parse(&block) {
                    if !event.id.is_empty() {
                        self.last_id.clone_from(&event.id);
                    }
                    return Some(event);
                }
                continue;
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.read.extend_from_slice(&chunk),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The next event that is no sign of life and nothing that may come at any moment.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.any().await?;
            let receipt = event.data["type"] == "msg_status"
                && (event.data["status"] == "delivered" || event.data["status"] == "read");
            let aside = is_aside(&event.data) || event.data["type"] == "new_device";
            if event.name != "heartbeat" && !receipt && !aside {
                return Some(event);
            }
        }
    }

    /// The next frame, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let event = self.next().await.expect("an event");
        assert_eq!(event.data["type"], kind, "{event:?}");
        assert_eq!(event.name, "message", "{event:?}");
        assert!(!event.id.is_empty(), "{event:?}");
        event.data
    }

    /// Everything before `synced`, which is taken too.
    pub async fn until_synced(&mut self) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            let event = self.next().await.expect("synced");
            if event.data["type"] == "synced" {
                return before;
            }
            before.push(event.data);
        }
    }

    /// The end, before which nothing but `close` with this code may come.
    pub async fn expect_close(&mut self, code: u16) {
        let event = self.next().await.expect("close");
        assert_eq!(event.name, "close", "{event:?}");
        assert_eq!(event.data["code"], code, "{event:?}");
        let comes_back = !(4000..=4099).contains(&code);
        assert_eq!(event.data["reconnect"], comes_back, "{event:?}");
        assert_eq!(self.any().await, None);
    }
}

fn parse(block: &str) -> Option<Event> {
    let (mut id, mut name, mut data) = (String::new(), "message".to_owned(), Vec::new());
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", value)) => value.clone_into(&mut id),
            Some(("event", value)) => value.clone_into(&mut name),
            Some(("data", value)) => data.push(value),
            Some(("retry", value)) => assert!(value.parse::<u64>().is_ok()),
            _ => assert!(line.is_empty() || line == "data:", "{line}"),
        }
    }
    if data.is_empty() {
        return None;
    }
    let data = serde_json::from_str(&data.join("\n")).expect("JSON");
    Some(Event { id, name, data })
}

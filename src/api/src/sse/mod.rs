//! Server-Sent Events (WHATWG HTML, section 9.2), where WebSockets are blocked: the same events in the same order,
//! one way only.

mod event;
mod open;
mod stream;

pub(crate) use open::routes;

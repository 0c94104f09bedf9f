//! Messages that are to be sent later.

use melo_domain::{ChatId, DeviceHandle, ScheduleId, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// POST /schedule/message.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduleRequest {
    /// The recipient; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// RFC 3339, in the future, a year ahead at most.
    pub when: String,
    /// The payload: a string or an object, 1 MiB at most.
    pub data: Box<RawValue>,
    /// Makes sending again safe; the `Idempotency-Key` header does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// Answer of POST /schedule/message.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduleAnswer {
    /// `ok`.
    pub status: std::borrow::Cow<'static, str>,
    /// Its name.
    pub schedule_id: ScheduleId,
    /// The `client_id` of the message that it becomes.
    pub message_client_id: Uuid,
}

/// A message that waits for its time.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduledView {
    /// Its name.
    pub schedule_id: ScheduleId,
    /// The `client_id` of the message that it becomes.
    pub message_client_id: Uuid,
    /// The recipient; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<Uid>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// When it is to be sent.
    pub when: Timestamp,
    /// When it was scheduled.
    pub created_at: Timestamp,
    /// The device that scheduled it.
    pub device: DeviceHandle,
    /// The device's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    /// The payload; in GET /schedule/{id} only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

/// Answer of GET /schedule.
#[derive(Debug, Serialize, Deserialize)]
pub struct ScheduledAnswer {
    /// The next one first.
    pub schedules: Vec<ScheduledView>,
}

//! Problem documents (RFC 9457): the one form of every REST error.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Media type of a problem document (RFC 9457, section 3).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// One field that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The member of the request body or the query parameter.
    pub field: String,
    /// `required` or `invalid`.
    pub code: String,
    /// The rule, for a person.
    pub detail: String,
}

impl FieldError {
    /// A field that is there and breaks its rule.
    pub fn invalid(field: &str, detail: impl ToString) -> Self {
        Self {
            field: field.to_owned(),
            code: "invalid".to_owned(),
            detail: detail.to_string(),
        }
    }

    /// A field that is not there.
    pub fn required(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: "required".to_owned(),
            detail: "must be given".to_owned(),
        }
    }
}

/// The body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:melo:error:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same few words for every occurrence of this code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do, for a person. Existing clients show this.
    pub detail: String,
    /// The path that was called, without its query.
    pub instance: String,
    /// Stable machine-readable code.
    pub code: ErrorCode,
    /// Finds this answer in the server's log.
    pub request_id: String,
    /// Seconds to wait before trying again; on 429 and 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The fields that broke a rule; on 422.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Key ids of devices the envelope forgot; on `device_mismatch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Key ids the envelope should not have; on `device_mismatch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
}

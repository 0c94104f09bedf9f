//! A file in a form (RFC 7578), read into memory within limits: nothing is written to disk, and nothing beyond
//! the limit is read.

use std::future::Future;
use std::pin::Pin;

use actix_multipart::{Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use melo_protocol::{ErrorCode, FieldError};

use crate::error::ApiError;
use crate::extract::BODY_WITHIN;

/// Bytes of the form around the file: other fields, their heads, boundaries.
const AROUND: usize = 64 * 1024;
/// Fields that a form may have.
const MAX_FIELDS: usize = 16;
/// The field that is read.
const FIELD: &str = "file";

/// The field `file` of a form, of at most `LIMIT` bytes. Other fields are passed over.
pub(crate) struct FileField<const LIMIT: usize>(pub Bytes);

impl<const LIMIT: usize> FromRequest for FileField<LIMIT> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let announced = req
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.parse().ok());
        let media = req.headers().get(header::CONTENT_TYPE);
        let is_form = media
            .and_then(|v| v.to_str().ok())
            .is_some_and(|m| m.to_ascii_lowercase().starts_with("multipart/form-data"));
        let form = Multipart::new(req.headers(), payload.take());
        Box::pin(async move {
            if !is_form {
                let detail = "send the file as multipart/form-data, in the field `file`";
                return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
            }
            if announced.is_some_and(|length: usize| length > LIMIT + AROUND) {
                return Err(too_large(LIMIT));
            }
            let read = tokio::time::timeout(BODY_WITHIN, read(form, LIMIT)).await;
            let late = |_| ApiError::new(ErrorCode::Malformed, "the body took too long to arrive");
            Ok(Self(read.map_err(late)??))
        })
    }
}

async fn read(mut form: Multipart, limit: usize) -> Result<Bytes, ApiError> {
    let mut file = None;
    let mut fields = 0;
    let mut around = 0;
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|error| malformed(&error))?;
        fields += 1;
        if fields > MAX_FIELDS {
            return Err(ApiError::new(
                ErrorCode::Malformed,
                "the form has too many fields",
            ));
        }
        let is_file = field.name() == Some(FIELD);
        if is_file && file.is_some() {
            let twice = FieldError::invalid(FIELD, "must be there once");
            return Err(ApiError::invalid(vec![twice]));
        }
        let mut content = BytesMut::new();
        while let Some(chunk) = field.next().await {
            let chunk = chunk.map_err(|error| malformed(&error))?;
            if !is_file {
                around += chunk.len();
            } else if content.len() + chunk.len() <= limit {
                content.extend_from_slice(&chunk);
                continue;
            }
            if is_file || around > AROUND {
                return Err(too_large(limit));
            }
        }
        if is_file {
            file = Some(content.freeze());
        }
    }
    file.ok_or_else(|| ApiError::invalid(vec![FieldError::required(FIELD)]))
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!("the file must be at most {limit} bytes"),
    )
}

fn malformed(_: &MultipartError) -> ApiError {
    ApiError::new(
        ErrorCode::Malformed,
        "the body must be a complete multipart/form-data form",
    )
}

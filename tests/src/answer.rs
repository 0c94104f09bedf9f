//! HTTPS calls and what every answer must have, whatever was asked.

use melo_protocol::{ErrorCode, PROBLEM_CONTENT_TYPE, Problem};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Version, header};
use serde_json::Value;

use crate::shape::assert_shape;
use crate::{Events, PATIENCE, tls};

/// Sent on every answer (contract).
const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", "frame-ancestors 'none'"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

/// A client that trusts the certificate of `pem` only. It keeps no idle connections: a server that is stopped
/// or replaced in mid-test must not be met over an old one.
pub fn https_client(
    pem: &str,
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Client {
    tls::install_provider();
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let builder = Client::builder()
        .tls_certs_only([certificate])
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE);
    configure(builder).build().expect("a client")
}

/// A call that is being put together.
#[must_use = "send it"]
#[derive(Debug)]
pub struct Call {
    request: RequestBuilder,
    path: String,
}

impl Call {
    /// A call of `https://localhost:<port><path>`.
    pub fn new(client: &Client, port: u16, method: Method, path: &str) -> Self {
        let url = format!("https://localhost:{port}{path}");
        Self {
            request: client.request(method, url),
            path: path.split('?').next().unwrap_or(path).to_owned(),
        }
    }

    /// With this access token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With this JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// With this body, as it is.
    pub fn body(mut self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self
            .request
            .header(header::CONTENT_TYPE, content_type)
            .body(body);
        self
    }

    /// Sends it. Fails if no answer comes.
    pub async fn send(self) -> Answer {
        let path = self.path.clone();
        let sent = self.try_send().await;
        sent.unwrap_or_else(|error| panic!("no answer to {path}: {error:?}"))
    }

    /// Sends it and reads the stream of events that is the answer; or the answer, if it is none.
    pub async fn stream(self) -> Result<Events, Answer> {
        let path = self.path.clone();
        let sent = self.request.send().await;
        let response = sent.unwrap_or_else(|error| panic!("no answer to {path}: {error:?}"));
        if response.status() == StatusCode::OK {
            return Ok(Events::new(response));
        }
        let (status, version) = (response.status(), response.version());
        Err(Answer {
            path,
            status,
            version,
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a body").to_vec(),
        })
    }

    /// Sends it, if the server is there and stays until it has answered.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let response = self.request.send().await?;
        let answer = Answer {
            path: self.path,
            status: response.status(),
            version: response.version(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        };
        answer.check_headers();
        Ok(answer)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    path: String,
    /// Status code.
    pub status: StatusCode,
    /// HTTP version.
    pub version: Version,
    /// Headers.
    pub headers: header::HeaderMap,
    /// Body, as sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} answered no JSON ({e}): {self:?}", self.path))
    }

    /// The body of an answer that must be 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(
            self.status,
            StatusCode::OK,
            "{}: {}",
            self.path,
            String::from_utf8_lossy(&self.body)
        );
        assert!(
            self.header("content-type").starts_with("application/json"),
            "{}: {:?}",
            self.path,
            self.headers
        );
        self.json()
    }

    /// The problem document of an answer that must be this error, whole and in its form (RFC 9457).
    #[track_caller]
    pub fn problem(&self, code: ErrorCode) -> Problem {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(
            self.header("content-type"),
            PROBLEM_CONTENT_TYPE,
            "{}: {body}",
            self.path
        );
        let json = self.json();
        assert_shape(
            &json,
            "type:text title:text status:number detail:text instance:text code:text request_id:hex16",
        );
        let problem: Problem = serde_json::from_value(json).expect("a problem document");
        assert_eq!(problem.code, code, "{}: {body}", self.path);
        assert_eq!(problem.status, code.status());
        assert_eq!(self.status.as_u16(), code.status());
        assert_eq!(problem.kind, format!("urn:melo:error:{}", code.as_str()));
        assert_eq!(problem.title, code.title());
        assert_eq!(problem.instance, self.path);
        assert_eq!(problem.request_id, self.header("x-request-id"));
        let seconds = problem
            .retry_after
            .map(|s| s.to_string())
            .unwrap_or_default();
        assert_eq!(self.header("retry-after"), seconds);
        assert_eq!(
            matches!(code.status(), 429 | 503),
            problem.retry_after.is_some(),
            "retry_after belongs to 429 and 503"
        );
        assert_eq!(
            code == ErrorCode::ValidationFailed,
            !problem.errors.is_empty(),
            "errors belongs to validation_failed: {body}"
        );
        if code.status() == 401 {
            assert_eq!(self.header("www-authenticate"), "Bearer");
        }
        problem
    }

    /// A 422 about exactly these fields.
    #[track_caller]
    pub fn refused_fields(&self) -> Vec<String> {
        let problem = self.problem(ErrorCode::ValidationFailed);
        for error in &problem.errors {
            assert!(
                matches!(error.code.as_str(), "invalid" | "required"),
                "{error:?}"
            );
            assert!(!error.detail.is_empty());
            assert!(
                problem.detail.contains(&error.field),
                "the detail names each field"
            );
        }
        problem.errors.into_iter().map(|e| e.field).collect()
    }

    fn check_headers(&self) {
        for (name, value) in SECURITY_HEADERS {
            let found = self.header(name);
            assert!(found.contains(value), "{}: {name}: {found:?}", self.path);
        }
        assert_eq!(self.header("x-request-id").len(), 16, "{}", self.path);
        assert_eq!(self.header("server"), "", "nothing about the software");
    }
}

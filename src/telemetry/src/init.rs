//! Setting the log up.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use crate::never_log;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For a person at a terminal.
    #[default]
    Human,
    /// One JSON object per line, for a collector.
    Json,
}

/// What is logged, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// Appended to, besides the standard error stream; made with mode 0600.
    pub file: Option<PathBuf>,
    /// Our own crates at the debug level. The never-log list holds there as well.
    pub debug: bool,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file cannot be opened for appending.
    #[error("the log file {file} cannot be opened for appending: {source}")]
    File {
        /// The file of the settings.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Logging was set up before.
    #[error("logging is already set up")]
    AlreadySet(#[from] TryInitError),
}

/// Sets logging up for the whole process: once, before anything else is started.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    subscriber(settings, io::stderr, io::stderr().is_terminal())?.try_init()?;
    Ok(())
}

/// Other people's crates speak up from warnings on: below that they may write what is on our list.
const OTHERS: Level = Level::WARN;

fn subscriber<W>(
    settings: &LogSettings,
    stderr: W,
    colours: bool,
) -> Result<impl Subscriber + Send + Sync + use<W>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let mut outputs = vec![output(settings.format, stderr, colours)];
    if let Some(file) = &settings.file {
        let opened = open_log_file(file).map_err(|source| LogError::File {
            file: file.clone(),
            source,
        })?;
        outputs.push(output(settings.format, Mutex::new(opened), false));
    }
    let ours = if settings.debug {
        Level::DEBUG
    } else {
        Level::INFO
    };
    // A prefix: it matches `melo` and every `melo_*` crate.
    let loud_enough = Targets::new()
        .with_default(OTHERS)
        .with_target("melo", ours)
        // The libraries of calls write down addresses of people.
        .with_target("webrtc", LevelFilter::OFF)
        .with_target("rtc", LevelFilter::OFF);
    let writable = FilterFn::new(move |metadata| {
        loud_enough.would_enable(metadata.target(), metadata.level()) && never_log::allows(metadata)
    });
    Ok(tracing_subscriber::registry().with(outputs).with(writable))
}

fn open_log_file(file: &PathBuf) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
}

fn output<W>(format: LogFormat, writer: W, colours: bool) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    Registry: for<'s> LookupSpan<'s>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Human => lines.with_ansi(colours).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: &LogSettings, write: impl FnOnce()) -> String {
        let page = Page::default();
        let to = page.clone();
        let subscriber = subscriber(settings, move || to.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, write);
        page.text()
    }

    #[test]
    fn our_debug_lines_need_debug_mode_and_others_never_speak_below_warnings() {
        let write = || {
            tracing::debug!(target: "melo_api", "ours in detail");
            tracing::info!(target: "melo_api", "ours");
            tracing::info!(target: "sqlx::query", "theirs");
            tracing::warn!(target: "sqlx::query", "their warning");
        };
        let plain = logged(&LogSettings::default(), write);
        assert!(plain.contains("ours") && !plain.contains("ours in detail"));
        assert!(!plain.contains("theirs") && plain.contains("their warning"));

        let debug = LogSettings {
            debug: true,
            ..LogSettings::default()
        };
        let detailed = logged(&debug, write);
        assert!(detailed.contains("ours in detail") && !detailed.contains("theirs"));
    }

    #[test]
    fn a_field_of_the_never_log_list_keeps_the_whole_event_out() {
        let text = logged(&LogSettings::default(), || {
            tracing::info!(target: "melo", phone = "+79991234567", "registered");
            tracing::info!(target: "melo", code = 7, "registered too");
        });
        assert!(!text.contains("999"), "{text}");
        assert!(text.contains("registered too") && text.contains("code=7"));
    }

    #[test]
    fn json_is_one_flat_object_per_line() {
        let json = LogSettings {
            format: LogFormat::Json,
            ..LogSettings::default()
        };
        let text = logged(&json, || {
            tracing::warn!(target: "melo", code = 4101, "connection closed");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["message"], "connection closed");
        assert_eq!(line["code"], 4101);
        assert_eq!(line["level"], "WARN");
    }

    #[test]
    fn the_file_is_appended_to_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("melo.log");
        let settings = LogSettings {
            file: Some(file.clone()),
            ..LogSettings::default()
        };
        for round in 1..=2 {
            logged(
                &settings,
                || tracing::info!(target: "melo", round, "started"),
            );
        }
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.contains("round=1") && text.contains("round=2"),
            "{text}"
        );
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let settings = LogSettings {
            file: Some("/nonexistent/melo.log".into()),
            ..LogSettings::default()
        };
        let Err(error) = subscriber(&settings, io::sink, false) else {
            panic!("a log in a missing directory was accepted");
        };
        assert!(error.to_string().contains("/nonexistent/melo.log"));
    }
}

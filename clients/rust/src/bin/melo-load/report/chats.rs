//! Figures of devices that come back, of lists, and of many stored chats.

use std::fmt::Write as _;

use serde::Serialize;

use super::{FanoutReport, Faults, Latency, line, mib};
use crate::process::Reads;

/// So many devices at once.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ReconnectRound {
    pub devices: usize,
    pub chats: usize,
    /// Events that each has missed.
    pub missed: u64,
    /// From the first one's first byte to the last one's `synced`.
    pub total_ms: f64,
    /// TCP, TLS and the upgrade.
    pub to_open: Option<Latency>,
    /// From the beginning.
    pub to_synced: Option<Latency>,
    /// That came, all together.
    pub events: u64,
    pub server_cpu_ms: Option<f64>,
    pub client_cpu_ms: Option<f64>,
    /// Of the server, from files: the database as far as it was not in its own memory.
    pub file_reads: Option<u64>,
    pub file_reads_per_device: Option<f64>,
    pub file_read_kib: Option<u64>,
    pub resident_kib: Option<u64>,
    pub faults: Faults,
}

impl ReconnectRound {
    /// What the server has read meanwhile.
    pub(crate) fn note_reads(&mut self, reads: Reads) {
        self.file_reads = Some(reads.calls);
        self.file_reads_per_device = Some(reads.calls as f64 / self.devices.max(1) as f64);
        self.file_read_kib = Some(reads.bytes / 1024);
    }

    fn text(&self, text: &mut String) {
        let Self {
            devices,
            chats,
            missed,
            total_ms,
            ..
        } = self;
        line(
            text,
            "reconnect",
            &format!(
                "{devices} devices of {chats} chats, {missed} events missed: all synced in {total_ms:.0} ms"
            ),
        );
        if let Some(latency) = &self.to_open {
            latency.line(text, "to open");
        }
        if let Some(latency) = &self.to_synced {
            latency.line(text, "to synced");
        }
        if let (Some(server), Some(own)) = (self.server_cpu_ms, self.client_cpu_ms) {
            let each = server / (*devices).max(1) as f64;
            line(
                text,
                "CPU",
                &format!("server {server:.0} ms ({each:.2} ms for each device), own {own:.0} ms"),
            );
        }
        if let (Some(reads), Some(each), Some(kib)) = (
            self.file_reads,
            self.file_reads_per_device,
            self.file_read_kib,
        ) {
            let read = mib(kib);
            line(
                text,
                "read from files",
                &format!("{reads} times, {each:.1} for each device, {read}"),
            );
        }
        if let Some(kib) = self.resident_kib {
            line(text, "server memory", &mib(kib));
        }
        let all = format!("all {} events came once", self.events);
        self.faults.line(text, &all);
    }
}

/// Of `reconnect`.
#[derive(Debug, Serialize)]
pub(crate) struct ReconnectReport {
    pub rounds: Vec<ReconnectRound>,
}

impl ReconnectReport {
    /// Whether nothing went wrong.
    pub(crate) fn sound(&self) -> bool {
        self.rounds.iter().all(|round| round.faults.none())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for round in &self.rounds {
            round.text(&mut text);
        }
        text
    }
}

/// One list, asked for by one person.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ListFigures {
    pub path: String,
    /// That the person is in.
    pub chats: usize,
    /// Of the answer.
    pub bytes: usize,
    pub latency: Option<Latency>,
    pub server_cpu_ms: Option<f64>,
    /// Why there is no answer.
    pub refused: Option<String>,
}

/// Of `lists`.
#[derive(Debug, Serialize)]
pub(crate) struct ListsReport {
    pub figures: Vec<ListFigures>,
}

impl ListsReport {
    /// Whether every list was answered.
    pub(crate) fn sound(&self) -> bool {
        self.figures.iter().all(|one| one.refused.is_none())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.figures {
            let (path, chats, bytes) = (&one.path, one.chats, one.bytes);
            let cpu = one.server_cpu_ms.unwrap_or_default();
            line(
                &mut text,
                "list",
                &format!("{path}, {chats} chats: {bytes} B, server CPU {cpu:.2} ms"),
            );
            if let Some(latency) = &one.latency {
                latency.line(&mut text, "");
            }
            if let Some(why) = &one.refused {
                line(&mut text, "WRONG", why);
            }
        }
        text
    }
}

/// Messages on a server with so many chats.
#[derive(Debug, Serialize)]
pub(crate) struct StoredRun {
    pub stored: u64,
    pub database_kib: u64,
    /// One to each of a thousand chats that nobody has written to since the start.
    pub first: FanoutReport,
    /// To a few chats again and again.
    pub again: FanoutReport,
}

/// How the many compare with the few.
#[derive(Debug, Default, Serialize)]
pub(crate) struct StoredRatios {
    /// Server time of a message.
    pub first_cpu: Option<f64>,
    pub again_cpu: Option<f64>,
    /// Median time from sending to delivery.
    pub first_p50: Option<f64>,
    pub again_p50: Option<f64>,
}

/// Of the scenario `stored`.
#[derive(Debug, Serialize)]
pub(crate) struct StoredReport {
    pub runs: Vec<StoredRun>,
    /// The last number of chats against the first, each the mean of its runs.
    pub ratios: StoredRatios,
}

impl StoredReport {
    /// Compares runs with `few` and with `many` stored chats.
    pub(crate) fn of(runs: Vec<StoredRun>, few: u64, many: u64) -> Self {
        let ratio = |figure: fn(&StoredRun) -> Option<f64>| {
            let mean = |stored: u64| {
                let of_these = runs.iter().filter(|run| run.stored == stored);
                let figures: Option<Vec<f64>> = of_these.map(figure).collect();
                let figures = figures.filter(|figures| !figures.is_empty())?;
                Some(figures.iter().sum::<f64>() / figures.len() as f64)
            };
            Some(mean(many)? / mean(few)?)
        };
        let ratios = StoredRatios {
            first_cpu: ratio(|run| run.first.server.cpu_us_per_copy),
            again_cpu: ratio(|run| run.again.server.cpu_us_per_copy),
            first_p50: ratio(|run| Some(run.first.to_last.p50_ms)),
            again_p50: ratio(|run| Some(run.again.to_last.p50_ms)),
        };
        Self { runs, ratios }
    }

    /// Whether nothing went wrong.
    pub(crate) fn sound(&self) -> bool {
        let mut runs = self.runs.iter();
        runs.all(|run| run.first.sound() && run.again.sound())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            let size = mib(run.database_kib);
            line(
                &mut text,
                "-- stored chats",
                &format!("{}, database {size}", run.stored),
            );
            line(&mut text, "first messages", "");
            text.push_str(&run.first.text());
            line(&mut text, "further ones", "");
            text.push_str(&run.again.text());
        }
        let of = |ratio: Option<f64>| ratio.map_or("?".to_owned(), |r| format!("{r:.2}"));
        let StoredRatios {
            first_cpu,
            again_cpu,
            first_p50,
            again_p50,
        } = self.ratios;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "many against few: server CPU {} (first messages), {} (further ones); p50 {}, {}",
            of(first_cpu),
            of(again_cpu),
            of(first_p50),
            of(again_p50)
        );
        text
    }
}

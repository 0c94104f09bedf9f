//! What the operator is told once the server is ready.

use std::path::Path;

use crate::keys::Locations;
use crate::settings::Settings;
use crate::tls::CertificateInfo;

/// Where `melo-cli` looks for a server by itself.
const CLI_DEFAULT_SERVER: &str = "https://localhost:8088";

/// The language of the operator's terminal, as far as we speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The default.
    English,
    /// `LANG=ru_RU.UTF-8` and the like.
    Russian,
}

impl Language {
    /// By the variable that counts (POSIX, section 8.2).
    pub fn of_terminal() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .map_or(Self::English, |value| Self::of_locale(&value))
    }

    fn of_locale(locale: &str) -> Self {
        if locale.starts_with("ru") {
            Self::Russian
        } else {
            Self::English
        }
    }
}

/// Where the server listens, where things are, and what to do next.
pub fn ready(
    settings: &Settings,
    certificate: &CertificateInfo,
    calls: &[String; 2],
    language: Language,
) -> String {
    let [calls, calls_russian] = calls;
    let host = reachable_host(settings);
    let https = https_url(settings, &host);
    let ws = settings.network.ws_port;
    let bind = settings.network.bind;
    let data = absolute(&settings.storage.data_dir);
    let database = settings.storage.database.describe();
    let keys = absolute(&settings.secrets.keys_dir);
    let cli = cli_program();
    let options = cli_options(settings, certificate, &https);
    let version = env!("CARGO_PKG_VERSION");
    let fingerprint = &certificate.fingerprint;
    let own = certificate.self_signed;
    match language {
        Language::English => {
            let kind = if own { "self-signed, " } else { "" };
            format!(
                "\nMelo {version} is ready.\n\
                 \n  HTTPS        {https}   (listening on {bind})\
                 \n  WebSocket    wss://{host}:{ws}\
                 \n  Calls        {calls}\
                 \n  Data         {data} ({database})\
                 \n  Keys         {keys}   back it up: without it the data cannot be read\
                 \n  Certificate  {kind}SHA-256 {fingerprint}\n\
                 \nNext, in two other terminals, one for each person:\
                 \n  {cli} --profile anna{options} register\
                 \n  {cli} --profile boris{options} register\
                 \n  {cli} --profile anna contact add <Boris's id>\
                 \n  {cli} --profile boris contact accept <Anna's id>\
                 \n  {cli} --profile anna chat <Boris's id>\n\
                 \nmelo doctor checks everything. Ctrl-C stops the server.\n"
            )
        }
        Language::Russian => {
            let kind = if own {
                "самоподписанный, "
            } else {
                ""
            };
            format!(
                "\nMelo {version} готов к работе.\n\
                 \n  HTTPS        {https}   (слушает {bind})\
                 \n  WebSocket    wss://{host}:{ws}\
                 \n  Звонки       {calls_russian}\
                 \n  Данные       {data} ({database})\
                 \n  Ключи        {keys}   сделайте копию: без них данные не прочитать\
                 \n  Сертификат   {kind}SHA-256 {fingerprint}\n\
                 \nДальше, в двух других терминалах, по одному на человека:\
                 \n  {cli} --profile anna{options} register\
                 \n  {cli} --profile boris{options} register\
                 \n  {cli} --profile anna contact add <номер Бориса>\
                 \n  {cli} --profile boris contact accept <номер Анны>\
                 \n  {cli} --profile anna chat <номер Бориса>\n\
                 \nmelo doctor проверит всё. Ctrl-C остановит сервер.\n"
            )
        }
    }
}

/// What the chat client must be told when it first comes here; it remembers.
fn cli_options(settings: &Settings, certificate: &CertificateInfo, https: &str) -> String {
    let mut options = String::new();
    if https != CLI_DEFAULT_SERVER {
        options = format!(" --server {https}");
    }
    if certificate.self_signed {
        let file = Locations::of(settings).certificate.certificate;
        options = format!("{options} --ca {}", file.display());
    }
    options
}

fn https_url(settings: &Settings, host: &str) -> String {
    match &settings.network.public_url {
        Some(url) => url.clone(),
        None => format!("https://{host}:{}", settings.network.http_port),
    }
}

/// A host that leads here from this machine.
fn reachable_host(settings: &Settings) -> String {
    if let Some(host) = settings.network.public_host() {
        return host;
    }
    let bind = settings.network.bind;
    if bind.is_unspecified() || bind.is_loopback() {
        "localhost".to_owned()
    } else if bind.is_ipv6() {
        format!("[{bind}]")
    } else {
        bind.to_string()
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}

/// The chat client as it can be called here: it is built next to the server.
fn cli_program() -> String {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|server| Some(server.parent()?.join("melo-cli")))
        .filter(|cli| cli.is_file());
    let Some(cli) = beside else {
        return "melo-cli".to_owned();
    };
    let here = std::env::current_dir().unwrap_or_default();
    cli.strip_prefix(here).unwrap_or(&cli).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::Timestamp;

    fn certificate() -> CertificateInfo {
        CertificateInfo {
            fingerprint: "AB:CD".to_owned(),
            names: vec!["localhost".to_owned()],
            not_before: Timestamp::from_millis(0),
            not_after: Timestamp::from_millis(1),
            self_signed: true,
        }
    }

    fn calls() -> [String; 2] {
        ["TURN on UDP 3478".to_owned(), "TURN: UDP 3478".to_owned()]
    }

    #[test]
    fn it_says_where_and_what_next() {
        let mut settings = Settings::for_testing(Path::new("/srv/melo"));
        let text = ready(&settings, &certificate(), &calls(), Language::English);
        for part in [
            "https://localhost:8088",
            "wss://localhost:8089",
            "TURN on UDP 3478",
            "/srv/melo/data",
            "/srv/melo/keys",
            "AB:CD",
            "--profile anna --ca /srv/melo/keys/tls.crt register",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        settings.network.http_port = 9000;
        let text = ready(&settings, &certificate(), &calls(), Language::English);
        assert!(text.contains(" --server https://localhost:9000 "), "{text}");
        settings.network.public_url = Some("https://chat.example.org".to_owned());
        let text = ready(&settings, &certificate(), &calls(), Language::Russian);
        assert!(
            text.contains("--server https://chat.example.org ") && text.contains("готов"),
            "{text}"
        );
    }

    #[test]
    fn the_language_follows_the_locale() {
        assert_eq!(Language::of_locale("ru_RU.UTF-8"), Language::Russian);
        assert_eq!(Language::of_locale("en_US.UTF-8"), Language::English);
        assert_eq!(Language::of_locale("C"), Language::English);
    }
}

//! What the operator is told once the server is ready.

use std::path::Path;

use crate::settings::Settings;
use crate::tls::CertificateInfo;

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
pub fn ready(settings: &Settings, certificate: &CertificateInfo, language: Language) -> String {
    let host = reachable_host(settings);
    let http = settings.network.http_port;
    let ws = settings.network.ws_port;
    let bind = settings.network.bind;
    let data = absolute(&settings.storage.data_dir);
    let database = settings.storage.database.describe();
    let keys = absolute(&settings.secrets.keys_dir);
    let cli = cli_program();
    let version = env!("CARGO_PKG_VERSION");
    let fingerprint = &certificate.fingerprint;
    match language {
        Language::English => {
            let trust = if certificate.self_signed {
                "\n              self-signed: browsers will ask, melo-cli takes it through --ca"
            } else {
                ""
            };
            format!(
                "Melo {version} is ready.\n\
                 \n  HTTPS       https://{host}:{http}   (listening on {bind})\
                 \n  WebSocket   wss://{host}:{ws}\
                 \n  Data        {data} ({database})\
                 \n  Keys        {keys}   <- back this up: without it the data cannot be read\
                 \n  Certificate SHA-256 {fingerprint}{trust}\n\
                 \nNext, in another terminal:\
                 \n  {cli} register      make an account; a second one for the other person\
                 \n  {cli} contact add   ask the other person, who answers with: contact accept\
                 \n  {cli} chat          write; {cli} --help shows the rest\
                 \n  melo doctor         checks everything; Ctrl-C stops the server\n"
            )
        }
        Language::Russian => {
            let trust = if certificate.self_signed {
                "\n              самоподписанный: браузер спросит, melo-cli принимает его через --ca"
            } else {
                ""
            };
            format!(
                "Melo {version} готов к работе.\n\
                 \n  HTTPS       https://{host}:{http}   (слушает {bind})\
                 \n  WebSocket   wss://{host}:{ws}\
                 \n  Данные      {data} ({database})\
                 \n  Ключи       {keys}   <- сделайте копию: без них данные не прочитать\
                 \n  Сертификат  SHA-256 {fingerprint}{trust}\n\
                 \nДальше, в другом терминале:\
                 \n  {cli} register      завести учётную запись; вторую — для собеседника\
                 \n  {cli} contact add   пригласить собеседника; он отвечает: contact accept\
                 \n  {cli} chat          переписка; остальное покажет {cli} --help\
                 \n  melo doctor         проверит всё; Ctrl-C остановит сервер\n"
            )
        }
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

    #[test]
    fn it_says_where_and_what_next() {
        let mut settings = Settings::for_testing(Path::new("/srv/melo"));
        let text = ready(&settings, &certificate(), Language::English);
        for part in [
            "https://localhost:8088",
            "wss://localhost:8089",
            "/srv/melo/data",
            "/srv/melo/keys",
            "AB:CD",
            "register",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        settings.network.public_url = Some("https://chat.example.org".to_owned());
        let text = ready(&settings, &certificate(), Language::Russian);
        assert!(
            text.contains("chat.example.org:8088") && text.contains("готов"),
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

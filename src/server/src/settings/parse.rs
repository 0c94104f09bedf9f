//! From the text of a setting to a value. Each function says what is wrong in words that follow the
//! setting's name: "must be …". None of them repeats the value: it may be secret.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::Uri;
use actix_web::http::uri::Scheme;
use melo_domain::Secret;

/// Any text.
#[allow(clippy::unnecessary_wraps)] // one signature for all
pub fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A file or directory name, as the system takes it.
#[allow(clippy::unnecessary_wraps)] // one signature for all
pub fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// A TCP port.
pub fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("must be a port number from 1 to 65535".to_owned()),
    }
}

/// An address of this machine to listen on.
pub fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| "must be an IP address (0.0.0.0: every IPv4 one; ::  every one)".to_owned())
}

/// Yes or no in the usual spellings.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A whole number within bounds, both included.
pub fn number(min: u32, max: u32) -> impl Fn(&str) -> Result<u32, String> {
    move |text| match text.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}

/// A span of whole seconds within bounds, both included.
pub fn seconds(min: u32, max: u32) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| match number(min, max)(text) {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(problem) => Err(format!("{problem} (seconds)")),
    }
}

/// A span of whole minutes within bounds, both included.
pub fn minutes(min: u32, max: u32) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| match number(min, max)(text) {
        Ok(minutes) => Ok(Duration::from_secs(u64::from(minutes) * 60)),
        Err(problem) => Err(format!("{problem} (minutes)")),
    }
}

/// A span of whole days within bounds, both included.
pub fn days(min: u32, max: u32) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| match number(min, max)(text) {
        Ok(days) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        Err(problem) => Err(format!("{problem} (days)")),
    }
}

/// Where browsers and apps reach this server: `https://host[:port]`.
pub fn public_url(text: &str) -> Result<String, String> {
    let origin = origin(text.strip_suffix('/').unwrap_or(text))?;
    if origin.starts_with("https://") {
        Ok(origin)
    } else {
        Err("must start with https://".to_owned())
    }
}

/// Where a provider is called: https, or http on this machine.
pub fn provider_url(text: &str) -> Result<Secret, String> {
    let uri: Uri = text.parse().map_err(|_| "must be a URL".to_owned())?;
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let near = host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(Secret::new(text.to_owned())),
        Some("http") if near => Ok(Secret::new(text.to_owned())),
        _ => Err("must be https (or http on this machine)".to_owned()),
    }
}

/// A list of web origins (RFC 6454), separated by commas, each in the form that browsers send.
pub fn origins(text: &str) -> Result<Vec<String>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(origin)
        .collect()
}

fn origin(text: &str) -> Result<String, String> {
    const EXPECTED: &str =
        "must be a scheme and a host, without a path, like https://chat.example.org";
    if text.contains('*') {
        return Err(
            "must name each origin: a wildcard would let any web page act for a signed-in user"
                .to_owned(),
        );
    }
    let uri: Uri = text.parse().map_err(|_| EXPECTED.to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err(EXPECTED.to_owned());
    };
    // `Uri` reads "https://host" with the path "/"; a path that was written out is a mistake.
    let bare = text.len() == scheme.as_str().len() + "://".len() + authority.as_str().len();
    if !bare || authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let host = authority.host().to_ascii_lowercase();
    let standard_port = match scheme {
        s if *s == Scheme::HTTPS => Some(443),
        s if *s == Scheme::HTTP => Some(80),
        _ => None,
    };
    Ok(match authority.port_u16() {
        Some(port) if Some(port) != standard_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_take_the_form_that_browsers_send() {
        assert_eq!(
            origins(" https://Chat.Example.org:443 ,http://localhost:5173,,tauri://localhost"),
            Ok(vec![
                "https://chat.example.org".to_owned(),
                "http://localhost:5173".to_owned(),
                "tauri://localhost".to_owned(),
            ])
        );
        for bad in [
            "*",
            "https://*",
            "chat.example.org",
            "https://a/b",
            "https://a/",
            "https://u@a",
            "https://",
            "null",
        ] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_public_url_is_https_without_a_path() {
        assert_eq!(
            public_url("https://a.example:8088/"),
            Ok("https://a.example:8088".to_owned())
        );
        for bad in ["http://a.example", "a.example", "https://a.example/chat"] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_keep_their_bounds() {
        assert_eq!(number(1, 5)("5"), Ok(5));
        for bad in ["0", "6", "-1", "1.5", "", "99999999999", "five"] {
            assert!(number(1, 5)(bad).is_err(), "{bad}");
        }
        assert_eq!(minutes(1, 5)("2"), Ok(Duration::from_mins(2)));
        for bad in ["0", "65536", "80a8", "-1"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }
}

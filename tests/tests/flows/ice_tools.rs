//! The relay as other programs see it: coturn's test client, and `melo doctor calls`.

use std::process::{Command, Stdio};

use melo_domain::Secret;
use melo_tests::{PATIENCE, RelayServer};

/// coturn's client, which `scripts/bootstrap` installs (Debian: coturn).
const CLIENT: &str = "turnutils_uclient";

/// Runs it between two allocations of its own (`-y`); what it said.
async fn coturns_client(
    (name, password): &(String, Secret),
    port: u16,
    options: &[&str],
) -> String {
    let (port, password) = (port.to_string(), password.expose().to_owned());
    let mut command = tokio::process::Command::from(Command::new(CLIENT));
    command
        .args(["-y", "-c", "-n", "50", "-m", "2", "-l", "500"])
        .args(["-u", name, "-w", &password, "-p", &port])
        .args(options)
        .arg("127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ran = tokio::time::timeout(PATIENCE, command.output()).await;
    let ran = ran
        .expect("an end")
        .unwrap_or_else(|error| panic!("{CLIENT}: {error}; scripts/bootstrap installs it"));
    let said = [ran.stdout, ran.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn coturns_client_passes_with_and_without_tls() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let credentials = relay.credentials(&anna).await;
    for (port, options) in [
        (relay.port, &[][..]),
        (relay.port, &["-s"]),
        (relay.port, &["-t"]),
        (relay.tls_port, &["-t", "-S"]),
    ] {
        let said = coturns_client(&credentials, port, options).await;
        assert!(
            said.contains("Total lost packets 0 (0.000000%)"),
            "{options:?}: {said}"
        );
    }
}

#[tokio::test]
async fn coturns_client_does_not_pass_with_a_wrong_password() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let (name, _) = relay.credentials(&anna).await;
    let wrong = (name, Secret::new("wrong".to_owned()));
    let said = coturns_client(&wrong, relay.port, &[]).await;
    assert!(!said.contains("Total lost packets 0"), "{said}");
}

#[tokio::test]
async fn the_doctor_relays_through_every_way_of_a_running_server() {
    let relay = RelayServer::with(&[]).await;
    let (said, good) = relay.doctor(&[]);
    assert!(good, "{said}");
    for way in [
        format!("UDP 127.0.0.1:{}", relay.port),
        format!("TCP 127.0.0.1:{}", relay.port),
        format!("TLS 127.0.0.1:{}", relay.tls_port),
    ] {
        let line = said.lines().find(|line| line.contains(&way));
        let line = line.unwrap_or_else(|| panic!("{way} is missing in {said}"));
        assert!(
            line.starts_with("ok") && line.contains("came back"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_doctor_names_what_stands_in_the_way() {
    let relay = RelayServer::with(&[]).await;
    // Closed again at once.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener
            .local_addr()
            .expect("an address")
            .port()
            .to_string()
    };
    for (settings, cause) in [
        // Where nobody listens.
        (&[("TURN_TLS_PORT", closed.as_str())][..], "closed"),
        // Another secret than the server's.
        (&[("TURN_SECRET", "not the server's secret")], "TURN_SECRET"),
        // A name that is not in the certificate.
        (&[("TURN_HOST", "turn.example.org")], "turn.example.org"),
        (&[("TURN_MODE", "off")], "TURN_MODE"),
    ] {
        let (said, good) = relay.doctor(settings);
        assert!(said.contains(cause), "{settings:?}: {said}");
        // That there is none is no fault.
        assert_eq!(good, settings[0].0 == "TURN_MODE", "{said}");
    }
}

#[tokio::test]
async fn the_doctor_tries_a_relay_of_its_own_where_no_server_runs() {
    let mut relay = RelayServer::with(&[]).await;
    relay.server.kill();
    let (said, good) = relay.doctor(&[]);
    assert!(good, "{said}");
    let taken = std::net::UdpSocket::bind(("127.0.0.1", relay.port)).expect("the port");
    let (said, good) = relay.doctor(&[]);
    assert!(!good && said.contains("another program has it"), "{said}");
    drop(taken);
}

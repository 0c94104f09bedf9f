//! An internet of network namespaces: a server with a public address, and two homes behind routers that give each
//! connection another port (symmetric NAT) and let nothing in that was not asked for. Made with `ip` and `nft`, by root.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::PATIENCE;
use crate::cli::Cli;
use crate::server::built;

/// The server's address, of a network that is nobody's (RFC 5737).
const PUBLIC: &str = "203.0.113.1";
/// What a router does (RFC 4787, section 4.1: address and port dependent mapping; section 5: the same filtering).
const ROUTER: &str = "table ip nat {
  chain outward {
    type nat hook postrouting priority srcnat;
    oifname \"out\" masquerade random,fully-random;
  }
}
table ip filter {
  chain through {
    type filter hook forward priority filter; policy drop;
    iifname \"home\" accept;
    ct state established,related accept;
  }
}
";

/// The internet, for as long as it is there.
#[derive(Debug)]
pub struct Internet {
    /// Names of the namespaces begin with it.
    prefix: String,
    server: Option<Child>,
    dir: TempDir,
}

impl Internet {
    /// `None` where this user or this system cannot make one.
    pub async fn make() -> Option<Self> {
        let mut internet = Self {
            prefix: format!("melo{}", std::process::id()),
            server: None,
            dir: tempfile::tempdir().expect("a directory"),
        };
        if !run(&["ip", "netns", "add", &internet.name("world")]) {
            return None;
        }
        internet.world();
        for (number, home) in [(1, "a"), (2, "b")] {
            internet.home(number, home);
        }
        internet.serve().await;
        Some(internet)
    }

    fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    fn world(&self) {
        let world = self.name("world");
        must(&["ip", "-n", &world, "link", "set", "lo", "up"]);
        let address = format!("{PUBLIC}/32");
        must(&["ip", "-n", &world, "addr", "add", &address, "dev", "lo"]);
        forwards(&world);
    }

    /// A router and a computer behind it.
    fn home(&self, number: u8, home: &str) {
        let (world, router, computer) = (
            self.name("world"),
            self.name(&format!("router-{home}")),
            self.name(home),
        );
        for namespace in [&router, &computer] {
            must(&["ip", "netns", "add", namespace]);
            must(&["ip", "-n", namespace, "link", "set", "lo", "up"]);
        }
        let net = 4 * number;
        let (provider, outside) = (
            format!("198.51.100.{}", net + 1),
            format!("198.51.100.{}", net + 2),
        );
        let line = format!("line-{home}");
        link((&world, &line, &provider), (&router, "out", &outside), 30);
        let (gateway, inside) = (format!("192.168.{number}.1"), format!("192.168.{number}.2"));
        link((&router, "home", &gateway), (&computer, "eth", &inside), 24);
        for (namespace, via) in [(&router, &provider), (&computer, &gateway)] {
            must(&["ip", "-n", namespace, "route", "add", "default", "via", via]);
        }
        forwards(&router);
        let rules = self.dir.path().join("router.nft");
        std::fs::write(&rules, ROUTER).expect("room on the disk");
        let rules = rules.to_string_lossy();
        must(&["ip", "netns", "exec", &router, "nft", "-f", &rules]);
    }

    /// Starts a server with a relay in the middle of it all.
    async fn serve(&mut self) {
        let out = self.dir.path().join("server.out");
        let file = File::create(&out).expect("a file");
        let server = Command::new("ip")
            .args(["netns", "exec", &self.name("world")])
            .arg(built("melo", "MELO_BIN"))
            .arg("serve")
            .current_dir(self.dir.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("PUBLIC_URL", format!("https://{PUBLIC}:8088"))
            .env("TURN_PUBLIC_IP", PUBLIC)
            .env("CALL_ECHO", "false")
            .stdout(file)
            .stderr(Stdio::inherit())
            .spawn();
        self.server = Some(server.expect("a process"));
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let ready = async {
            while !std::fs::read_to_string(&out).is_ok_and(|said| said.contains("is ready")) {
                looks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("a server");
    }

    /// The computer of a home, `a` or `b`.
    pub fn computer(&self, home: &str) -> Cli {
        let at = |scheme: &str, port: u16| format!("{scheme}://{PUBLIC}:{port}");
        let ca = self.dir.path().join("keys/tls.crt");
        Cli::at(&at("https", 8088), &at("wss", 8089), &ca).inside(&self.name(home))
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // `ip` has become the server.
            let _ = server.kill();
            let _ = server.wait();
        }
        for what in ["a", "b", "router-a", "router-b", "world"] {
            run(&["ip", "netns", "del", &self.name(what)]);
        }
    }
}

fn must(args: &[&str]) {
    assert!(run(args), "{args:?}");
}

fn link(one: (&str, &str, &str), other: (&str, &str, &str), bits: u8) {
    must(&[
        "ip", "link", "add", one.1, "netns", one.0, "type", "veth", "peer", "name", other.1,
        "netns", other.0,
    ]);
    for (namespace, device, address) in [one, other] {
        let address = format!("{address}/{bits}");
        must(&[
            "ip", "-n", namespace, "addr", "add", &address, "dev", device,
        ]);
        must(&["ip", "-n", namespace, "link", "set", device, "up"]);
    }
}

fn forwards(namespace: &str) {
    let on = ["sysctl", "-qw", "net.ipv4.ip_forward=1"];
    must(&[&["ip", "netns", "exec", namespace], &on[..]].concat());
}

fn run(args: &[&str]) -> bool {
    let Some((program, args)) = args.split_first() else {
        return false;
    };
    Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

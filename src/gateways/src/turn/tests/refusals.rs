//! Who and what is refused.

use super::data::Raw;
use super::*;
use melo_stun::{Class, Message, Method, attribute};

#[tokio::test]
async fn credentials_that_are_not_good_are_refused() {
    let world = World::new();
    let good = world.credentials("anna", Duration::from_hours(1));
    let foreign = |name: &str| {
        let password = shared_secret_password(&Secret::new("another".to_owned()), name);
        (name.to_owned(), password)
    };
    let ours = |name: &str| {
        let password = shared_secret_password(&Secret::new(SECRET.to_owned()), name);
        (name.to_owned(), password)
    };
    let later = NOW.seconds() + 3600;
    for (name, password) in [
        // Expired, at this very second.
        world.credentials("anna", Duration::ZERO),
        ours("1:anna"),
        ours("0:anna"),
        // Of another server.
        foreign(&good.0),
        // Of nobody.
        world.credentials("nobody", Duration::from_hours(1)),
        // Not names of ours.
        ours("anna"),
        ours(":anna"),
        ours(&format!("{later}:")),
        ours(&format!("-{later}:anna")),
        ours("99999999999:anna"),
        ours(&format!("{later}:{}", "a".repeat(500))),
        // Another's password.
        (
            good.0.clone(),
            world.credentials("boris", Duration::from_hours(1)).1,
        ),
    ] {
        let link = world.link(Transport::Udp, true).await;
        let mut client = Client::new(link, name.clone(), password, random::fill);
        assert_eq!(refused(client.allocate(None, None).await), 401, "{name}");
    }
    assert_eq!(world.live(), 0);
    assert_eq!(world.server.figures().unauthorized, 12);
}

#[tokio::test]
async fn an_allocation_answers_to_its_owner_only() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    client.allocate(None, None).await.unwrap();
    let peer = udp(LOOPBACK).await.local_addr().unwrap();
    let (name, password) = world.credentials("boris", Duration::from_hours(1));
    client.replace_credentials(name, password);
    assert_eq!(refused(client.refresh(600).await), 441);
    assert_eq!(refused(client.permit(&[peer]).await), 441);
    assert_eq!(refused(client.bind(0x4000, peer).await), 441);
    // Fresh credentials of the same person are as good as the first.
    let (name, password) = world.credentials("anna", Duration::from_hours(2));
    client.replace_credentials(name, password);
    assert!(client.refresh(600).await.is_ok());
}

#[tokio::test]
async fn credentials_that_expire_are_refused_on_refresh_and_end_what_they_made() {
    let world = World::new();
    let link = world.link(Transport::Udp, true).await;
    let (name, password) = world.credentials("anna", Duration::from_secs(400));
    let mut client = Client::new(link, name, password, random::fill);
    let allocated = client.allocate(None, Some(3600)).await.unwrap();
    // No longer than the credentials.
    assert_eq!(allocated.lifetime, Duration::from_secs(400));
    world.clock.advance(Duration::from_secs(399));
    assert_eq!(client.refresh(600).await.unwrap(), Duration::from_secs(1));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(refused(client.refresh(600).await), 401);
    world.server.sweep();
    world.until(|figures| figures.live() == 0).await;
}

#[tokio::test]
async fn whoever_is_put_out_loses_allocations_and_credentials_at_once() {
    let world = World::new();
    for transport in Transport::ALL {
        world.book.0.lock().insert("anna".to_owned(), 1);
        let mut anna = world.client("anna", transport).await;
        let mut boris = world.client("boris", transport).await;
        anna.allocate(None, None).await.unwrap();
        boris.allocate(None, None).await.unwrap();
        world.book.0.lock().remove("anna");
        world.server.revoke(&["anna".to_owned()]);
        let outcome = anna.refresh(600).await;
        match transport {
            Transport::Udp => assert_eq!(refused(outcome), 401),
            // Its stream is closed.
            _ => assert!(outcome.is_err()),
        }
        assert!(boris.refresh(0).await.is_ok());
        world.until(|figures| figures.live() == 0).await;
    }
}

#[tokio::test]
async fn a_revocation_that_was_not_heard_of_is_found_out() {
    let world = World::new();
    let mut anna = world.client("anna", Transport::Udp).await;
    let mut boris = world.client("boris", Transport::Udp).await;
    anna.allocate(None, None).await.unwrap();
    boris.allocate(None, None).await.unwrap();
    world.book.0.lock().remove("anna");
    world.server.recheck().await;
    world.until(|figures| figures.live() == 1).await;
    assert_eq!(refused(anna.refresh(600).await), 401);
    assert!(boris.refresh(600).await.is_ok());
}

#[tokio::test]
async fn closed_networks_are_forbidden() {
    let mut settings = settings();
    settings.allowed = vec!["10.9.0.0/16".parse().unwrap()];
    let world = World::with(settings);
    let mut client = world.client("anna", Transport::Udp).await;
    client.allocate(None, None).await.unwrap();
    let own = own_addresses().unwrap().into_iter();
    // The relay's own address is its only way to other clients of it.
    let own: Vec<String> = own
        .filter(|ip| ip.is_ipv4() && *ip != LOOPBACK)
        .map(|ip| ip.to_string())
        .collect();
    let closed = [
        "0.0.0.0",
        "10.8.0.1",
        "100.64.0.1",
        "127.0.0.2",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ];
    for ip in closed.into_iter().chain(own.iter().map(String::as_str)) {
        let peer = SocketAddr::new(ip.parse().unwrap(), 9);
        assert_eq!(refused(client.permit(&[peer]).await), 403, "{ip}");
        assert_eq!(refused(client.bind(0x4000, peer).await), 403, "{ip}");
    }
    // One closed peer among open ones closes the request.
    let open: SocketAddr = "1.1.1.1:9".parse().unwrap();
    let closed: SocketAddr = "127.0.0.2:9".parse().unwrap();
    assert_eq!(refused(client.permit(&[open, closed]).await), 403);
    let allowed = "10.9.1.1:9".parse().unwrap();
    client.permit(&[open, allowed]).await.unwrap();
    let before = world.server.figures().forbidden;
    client.send(closed, b"nobody answers").await.unwrap();
    world.until(|figures| figures.forbidden == before + 1).await;
}

#[tokio::test]
async fn mapped_and_translated_addresses_are_forbidden() {
    let mut settings = settings();
    settings.allowed = Vec::new();
    let world = World::with(settings);
    let mut client = world.client("anna", Transport::Udp).await;
    client
        .allocate(Some(melo_stun::client::Family::V6), None)
        .await
        .unwrap();
    for ip in [
        "::",
        "::ffff:127.0.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "fe80::1",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "2002:7f00:1::",
        "2001::1",
    ] {
        let peer = SocketAddr::new(ip.parse().unwrap(), 9);
        assert_eq!(refused(client.permit(&[peer]).await), 403, "{ip}");
        assert_eq!(refused(client.bind(0x4000, peer).await), 403, "{ip}");
    }
}

#[tokio::test]
async fn nobody_is_let_in_without_a_permission() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    let relayed = client.allocate(None, None).await.unwrap().relayed;
    let (stranger, friend) = (udp(LOOPBACK).await, udp("127.0.0.2".parse().unwrap()).await);
    client
        .permit(&[friend.local_addr().unwrap()])
        .await
        .unwrap();
    stranger.send_to(b"let me in", relayed).await.unwrap();
    client
        .send(stranger.local_addr().unwrap(), b"no permission")
        .await
        .unwrap();
    friend.send_to(b"me", relayed).await.unwrap();
    let expected = Incoming::Data(friend.local_addr().unwrap(), b"me".to_vec());
    assert_eq!(incoming(&mut client).await, expected);
    // And nothing went out to the stranger: a binding later, everything sent before has been dealt with.
    client.binding().await.unwrap();
    let own = stranger.local_addr().unwrap();
    stranger.send_to(b"mine", own).await.unwrap();
    assert_eq!(datagram(&stranger).await.0, b"mine");
}

type Fill = Box<dyn FnOnce(melo_stun::Writer) -> melo_stun::Writer>;
/// A request about an allocation: a channel's number, a peer.
type Case = (Method, Option<u32>, Option<SocketAddr>);

/// Asks for a transport by its protocol number.
fn transport(number: u32) -> impl Fn(melo_stun::Writer) -> melo_stun::Writer {
    move |request| request.put_number(attribute::REQUESTED_TRANSPORT, number << 24)
}

#[tokio::test]
async fn allocations_that_make_no_sense_are_answered_by_the_book() {
    let world = World::new();
    let mut raw = Raw::new(&world, "anna").await;
    let udp = |more: Fill| -> Fill { Box::new(move |request| more(transport(17)(request))) };
    let cases: Vec<(u16, Fill)> = vec![
        (400, Box::new(|request| request)),
        (442, Box::new(transport(6))),
        (
            400,
            Box::new(|request| request.put(attribute::REQUESTED_TRANSPORT, &[17])),
        ),
        (
            440,
            udp(Box::new(|request| {
                request.put(attribute::REQUESTED_ADDRESS_FAMILY, &[3, 0, 0, 0])
            })),
        ),
        (
            400,
            udp(Box::new(|request| {
                request.put(attribute::REQUESTED_ADDRESS_FAMILY, &[])
            })),
        ),
        (
            420,
            udp(Box::new(|request| {
                request.put(attribute::DONT_FRAGMENT, &[])
            })),
        ),
        (
            420,
            udp(Box::new(|request| request.put(0x7FFF, b"from the future"))),
        ),
        (
            400,
            udp(Box::new(|request| request.put(attribute::EVEN_PORT, &[]))),
        ),
        (
            400,
            udp(Box::new(|request| {
                request.put(attribute::RESERVATION_TOKEN, b"short")
            })),
        ),
        (
            508,
            udp(Box::new(|request| {
                request.put(attribute::RESERVATION_TOKEN, b"whatever")
            })),
        ),
        (
            400,
            udp(Box::new(|request| {
                request
                    .put(attribute::RESERVATION_TOKEN, b"whatever")
                    .put(attribute::EVEN_PORT, &[0])
            })),
        ),
    ];
    for (code, fill) in cases {
        let answer = raw.ask(Method::ALLOCATE, fill).await;
        assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(code));
    }
    assert_eq!(world.live(), 0);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_answered_by_the_book() {
    let world = World::new();
    let mut raw = Raw::new(&world, "anna").await;
    for method in [
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
    ] {
        let answer = raw.ask(method, |request| request).await;
        assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(437));
    }
}

#[tokio::test]
async fn what_is_asked_of_an_allocation_is_answered_by_the_book() {
    let world = World::new();
    let mut raw = Raw::new(&world, "anna").await;
    let request = raw.sign(Method::ALLOCATE, transport(17));
    let first = raw.exchange(&request).await;
    assert_eq!(Message::parse(&first).unwrap().class, Class::Success);
    // The answer was lost, and the client asks again.
    assert_eq!(raw.exchange(&request).await, first);
    let other = raw.ask(Method::ALLOCATE, transport(17)).await;
    assert_eq!(Message::parse(&other).unwrap().error_code(), Some(437));
    assert_eq!(world.live(), 1);

    let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let cases: Vec<Case> = vec![
        (Method::CREATE_PERMISSION, None, None),
        (Method::CHANNEL_BIND, None, Some(peer)),
        (Method::CHANNEL_BIND, Some(0x4000), None),
        (Method::CHANNEL_BIND, Some(0x3FFF), Some(peer)),
        (Method::CHANNEL_BIND, Some(0x8000), Some(peer)),
        (Method::CHANNEL_BIND, Some(0xFFFF), Some(peer)),
    ];
    for (method, channel, peer) in cases {
        let answer = raw
            .ask(method, |mut request| {
                if let Some(channel) = channel {
                    request = request.put_number(attribute::CHANNEL_NUMBER, channel << 16);
                }
                match peer {
                    Some(peer) => request.put_address(attribute::XOR_PEER_ADDRESS, peer),
                    None => request,
                }
            })
            .await;
        assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(400));
    }
    let answer = raw.ask(Method(0x0FF), |request| request).await;
    assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(400));
}

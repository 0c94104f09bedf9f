//! What lasts how long.

use super::*;

#[tokio::test]
async fn allocations_last_as_long_as_was_said() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    for (asked, given) in [(Some(1), 600), (Some(900), 900), (Some(u32::MAX), 3600)] {
        let allocated = client.allocate(None, asked).await.unwrap();
        assert_eq!(allocated.lifetime, Duration::from_secs(given));
        client.refresh(0).await.unwrap();
    }
    client.allocate(None, None).await.unwrap();
    world.clock.advance(Duration::from_secs(599));
    world.server.sweep();
    assert_eq!(client.refresh(700).await.unwrap(), Duration::from_secs(700));
    world.clock.advance(Duration::from_secs(699));
    world.server.sweep();
    assert_eq!(world.live(), 1);
    world.clock.advance(Duration::from_secs(1));
    // Over, even before anybody has swept.
    assert_eq!(refused(client.refresh(600).await), 437);
    world.server.sweep();
    world.until(|figures| figures.live() == 0).await;
}

#[tokio::test]
async fn permissions_last_five_minutes_and_channels_ten() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    let relayed = client.allocate(None, Some(3600)).await.unwrap().relayed;
    let permitted = udp(LOOPBACK).await;
    let bound = udp("127.0.0.2".parse().unwrap()).await;
    let witness = udp("127.0.0.3".parse().unwrap()).await;
    client
        .permit(&[permitted.local_addr().unwrap()])
        .await
        .unwrap();
    client
        .bind(0x4000, bound.local_addr().unwrap())
        .await
        .unwrap();

    world.clock.advance(Duration::from_secs(299));
    for peer in [&permitted, &bound] {
        peer.send_to(b"in time", relayed).await.unwrap();
        incoming(&mut client).await;
    }
    world.clock.advance(Duration::from_secs(1));
    client
        .permit(&[witness.local_addr().unwrap()])
        .await
        .unwrap();
    for peer in [&permitted, &bound, &witness] {
        peer.send_to(b"late", relayed).await.unwrap();
    }
    // The channel does not let its peer in any longer than the permission that came with it (RFC 8656, 12).
    let expected = Incoming::Data(witness.local_addr().unwrap(), b"late".to_vec());
    assert_eq!(incoming(&mut client).await, expected);
    // It does carry data out for its ten minutes.
    client.send_on(0x4000, b"out").await.unwrap();
    assert_eq!(datagram(&bound).await.0, b"out");
    // Refreshed, both are good again.
    client
        .bind(0x4000, bound.local_addr().unwrap())
        .await
        .unwrap();
    bound.send_to(b"again", relayed).await.unwrap();
    assert_eq!(
        incoming(&mut client).await,
        Incoming::Channel(0x4000, b"again".to_vec())
    );

    world.clock.advance(Duration::from_secs(600));
    client.send_on(0x4000, b"over").await.unwrap();
    // The number is free for somebody else.
    client
        .bind(0x4000, witness.local_addr().unwrap())
        .await
        .unwrap();
    client.send_on(0x4000, b"new").await.unwrap();
    assert_eq!(datagram(&witness).await.0, b"new");
    let own = bound.local_addr().unwrap();
    bound.send_to(b"mine", own).await.unwrap();
    assert_eq!(datagram(&bound).await.0, b"mine");
}

#[tokio::test]
async fn a_channel_is_of_one_peer_and_a_peer_of_one_channel() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    client.allocate(None, None).await.unwrap();
    let (one, other): (SocketAddr, SocketAddr) = (
        "127.0.0.1:9".parse().unwrap(),
        "127.0.0.1:10".parse().unwrap(),
    );
    client.bind(0x4000, one).await.unwrap();
    client.bind(0x4000, one).await.unwrap();
    assert_eq!(refused(client.bind(0x4000, other).await), 400);
    assert_eq!(refused(client.bind(0x4001, one).await), 400);
    client.bind(0x4001, other).await.unwrap();
}

#[tokio::test]
async fn nonces_grow_old_and_are_replaced() {
    let world = World::new();
    let link = world.link(Transport::Udp, true).await;
    let (name, password) = world.credentials("anna", Duration::from_hours(24));
    let mut client = Client::new(link, name, password, random::fill);
    client.allocate(None, Some(3600)).await.unwrap();
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(1801));
        // The client is told of a new one with 438, and takes it by itself.
        assert!(client.refresh(3600).await.is_ok());
    }
}

#[tokio::test]
async fn a_reserved_port_is_given_back_after_half_a_minute() {
    use melo_stun::{Method, attribute};
    let world = World::new();
    let mut raw = data::Raw::new(&world, "anna").await;
    raw.ask(Method::ALLOCATE, |request| {
        request
            .put_number(attribute::REQUESTED_TRANSPORT, 17 << 24)
            .put(attribute::EVEN_PORT, &[0x80])
    })
    .await;
    assert_eq!(world.live(), 2);
    world.clock.advance(Duration::from_secs(30));
    world.server.sweep();
    world.until(|figures| figures.live() == 1).await;
}

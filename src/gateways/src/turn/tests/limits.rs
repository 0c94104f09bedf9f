//! How much.

use std::num::NonZeroU64;

use super::*;

#[tokio::test]
async fn an_account_has_its_quota_on_all_its_devices_together() {
    let mut settings = settings();
    settings.limits.per_account = 3;
    settings.limits.allocations = 5;
    let world = World::with(settings);
    // The phone and the laptop of one account.
    world.book.0.lock().insert("annas-laptop".to_owned(), 1);
    let mut kept = Vec::new();
    for (whom, transport) in [
        ("anna", Transport::Udp),
        ("anna", Transport::Tcp),
        ("annas-laptop", Transport::Tls),
    ] {
        let mut client = world.client(whom, transport).await;
        client.allocate(None, None).await.unwrap();
        kept.push(client);
    }
    for whom in ["anna", "annas-laptop"] {
        let mut client = world.client(whom, Transport::Udp).await;
        assert_eq!(refused(client.allocate(None, None).await), 486);
    }
    for whom in ["boris", "vera"] {
        let mut client = world.client(whom, Transport::Udp).await;
        client.allocate(None, None).await.unwrap();
        kept.push(client);
    }
    let mut client = world.client("vera", Transport::Udp).await;
    assert_eq!(refused(client.allocate(None, None).await), 508);
    let figures = world.server.figures();
    assert_eq!((figures.quota, figures.capacity), (2, 1));
    kept[0].refresh(0).await.unwrap();
    world.until(|figures| figures.live() == 4).await;
    client.allocate(None, None).await.unwrap();
}

#[tokio::test]
async fn no_more_permissions_and_channels_than_anybody_needs() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Udp).await;
    client.allocate(None, None).await.unwrap();
    for low in 0..8_u8 {
        let peers: Vec<SocketAddr> = (0..16)
            .map(|high| SocketAddr::from(([127, 0, low, 1 + high], 9)))
            .collect();
        client.permit(&peers).await.unwrap();
        client.permit(&peers).await.unwrap();
    }
    let one_more = "127.0.9.9:9".parse().unwrap();
    assert_eq!(refused(client.permit(&[one_more]).await), 508);
    for number in 0..128_u16 {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1000 + number));
        client.bind(0x4000 + number, peer).await.unwrap();
    }
    let peer = SocketAddr::from(([127, 0, 0, 1], 9000));
    assert_eq!(refused(client.bind(0x4F00, peer).await), 508);
}

/// Sends more than the bandwidth at once; how much of it arrived.
async fn flood(settings: TurnSettings) -> (usize, World) {
    let world = World::with(settings);
    let mut client = world.client("anna", Transport::Tcp).await;
    client.allocate(None, None).await.unwrap();
    let peer = udp(LOOPBACK).await;
    client
        .bind(0x4000, peer.local_addr().unwrap())
        .await
        .unwrap();
    for _ in 0..100 {
        client.send_on(0x4000, &[0; 500]).await.unwrap();
    }
    // Answered after everything before it.
    client.binding().await.unwrap();
    let mut arrived = 0;
    let mut buffer = [0; 2000];
    let own = peer.local_addr().unwrap();
    peer.send_to(b"end", own).await.unwrap();
    loop {
        let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
        if from == own {
            break;
        }
        arrived += length;
    }
    (arrived, world)
}

#[tokio::test]
async fn bandwidth_is_limited_by_account_and_together() {
    let mut own = settings();
    own.limits.account_bandwidth = NonZeroU64::new(25_000);
    let mut total = settings();
    total.limits.total_bandwidth = NonZeroU64::new(25_000);
    for settings in [own, total] {
        let (arrived, world) = flood(settings).await;
        // Half a second's worth at once, and what the time of the test adds to it.
        assert!((12_500..40_000).contains(&arrived), "{arrived}");
        assert!(world.server.figures().dropped >= 20);
    }
    let (arrived, _) = flood(settings()).await;
    assert_eq!(arrived, 50_000);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_of_and_the_rest_works() {
    let taken = udp(LOOPBACK).await;
    let address = taken.local_addr().unwrap();
    let mut settings = settings();
    settings.udp = vec![address];
    let (certificate, _) = tls();
    let book: Arc<dyn Authority> = Arc::<Book>::default();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    let (server, unbound) = TurnServer::start(settings, Some(certificate), book, clock);
    let [one] = &unbound[..] else {
        panic!("{unbound:?}");
    };
    assert_eq!((one.transport, one.address), (Transport::Udp, address));
    assert_eq!(server.bound().len(), 3);
}

#[tokio::test]
async fn a_range_without_a_free_port_is_full() {
    let taken = udp(LOOPBACK).await;
    let port = taken.local_addr().unwrap().port();
    let mut settings = settings();
    settings.ports = port..=port;
    let world = World::with(settings);
    let mut client = world.client("anna", Transport::Udp).await;
    assert_eq!(refused(client.allocate(None, None).await), 508);
    assert_eq!(world.live(), 0);
    drop(taken);
    let allocated = client.allocate(None, None).await.unwrap();
    assert_eq!(allocated.relayed.port(), port);
}

/// Whoever was not let in cannot use up the bandwidth of those who were.
#[tokio::test]
async fn strangers_take_no_bandwidth() {
    let mut settings = settings();
    settings.limits.account_bandwidth = NonZeroU64::new(25_000);
    let world = World::with(settings);
    let mut client = world.client("anna", Transport::Udp).await;
    let relayed = client.allocate(None, None).await.unwrap().relayed;
    let friend = udp("127.0.0.2".parse().unwrap()).await;
    client
        .permit(&[friend.local_addr().unwrap()])
        .await
        .unwrap();
    let stranger = udp(LOOPBACK).await;
    for _ in 0..100 {
        stranger.send_to(&[0; 500], relayed).await.unwrap();
    }
    friend.send_to(b"hello", relayed).await.unwrap();
    let expected = Incoming::Data(friend.local_addr().unwrap(), b"hello".to_vec());
    assert_eq!(incoming(&mut client).await, expected);
    assert_eq!(world.server.figures().dropped, 0);
}

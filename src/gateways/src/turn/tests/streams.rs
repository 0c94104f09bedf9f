//! What is particular to streams.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn an_allocation_ends_with_its_stream() {
    let world = World::new();
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut client = world.client("anna", transport).await;
        client.allocate(None, None).await.unwrap();
        assert_eq!(world.live(), 1);
        drop(client);
        world.until(|figures| figures.live() == 0).await;
    }
}

#[tokio::test]
async fn a_stream_is_closed_with_its_allocation() {
    let world = World::new();
    let mut client = world.client("anna", Transport::Tcp).await;
    client.allocate(None, None).await.unwrap();
    world.clock.advance(Duration::from_secs(600));
    world.server.sweep();
    let received = tokio::time::timeout(PATIENCE, client.receive()).await;
    assert!(received.expect("an end").is_err());
}

#[tokio::test]
async fn frames_may_come_in_pieces_and_several_at_once() {
    use melo_stun::{Class, Method, Writer};
    let world = World::new();
    let mut stream = TcpStream::connect(world.address(Transport::Tcp, true))
        .await
        .unwrap();
    stream.set_nodelay(true).unwrap();
    let ask = Writer::new(Class::Request, Method::BINDING, [1; 12]).finish();
    let twice = [&ask[..], &ask].concat();
    for byte in &twice {
        stream.write_all(&[*byte]).await.unwrap();
    }
    stream.write_all(&twice).await.unwrap();
    let mut answers = [0; 4 * 32];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answers)).await;
    assert!(read.expect("four answers").is_ok());
}

#[tokio::test]
async fn what_is_no_frame_ends_the_stream() {
    let world = World::new();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 64],
        &[0x00, 0x01, 0x00, 0x03],
    ] {
        let mut stream = TcpStream::connect(world.address(Transport::Tcp, true))
            .await
            .unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        // Closed, or reset where it had not read everything.
        let _ = read.expect("an end");
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn streams_of_one_address_are_counted() {
    let mut settings = settings();
    settings.limits.streams_per_address = 2;
    let world = World::with(settings);
    let address = world.address(Transport::Tcp, true);
    let mut first = world.client("anna", Transport::Tcp).await;
    let mut second = world.client("anna", Transport::Tcp).await;
    first.binding().await.unwrap();
    second.binding().await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    let mut nothing = [0];
    let read = tokio::time::timeout(PATIENCE, third.read(&mut nothing)).await;
    assert!(matches!(read.expect("an end"), Ok(0) | Err(_)));
    assert_eq!(world.server.figures().capacity, 1);
    drop(first);
    // The place is free once the server has seen the end.
    let again = async {
        loop {
            let mut client = world.client("anna", Transport::Tcp).await;
            if client.binding().await.is_ok() {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, again).await.is_ok());
}

/// A client that reads nothing loses data; it holds up neither the peer nor others, nor memory without end.
#[tokio::test]
async fn a_client_that_does_not_read_loses_data() {
    let world = World::new();
    let mut lazy = world.client("anna", Transport::Tcp).await;
    let relayed = lazy.allocate(None, None).await.unwrap().relayed;
    let peer = udp(LOOPBACK).await;
    lazy.bind(0x4000, peer.local_addr().unwrap()).await.unwrap();
    let flood = async {
        while world.server.figures().dropped == 0 {
            peer.send_to(&[0; 8000], relayed).await.unwrap();
        }
    };
    assert!(tokio::time::timeout(PATIENCE, flood).await.is_ok());
    let mut other = world.client("boris", Transport::Tcp).await;
    assert!(other.binding().await.is_ok());
    // And when it reads again, it gets whole frames.
    for _ in 0..20 {
        assert_eq!(
            incoming(&mut lazy).await,
            Incoming::Channel(0x4000, vec![0; 8000])
        );
    }
}

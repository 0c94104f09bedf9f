//! The connection to the other device (RFC 8825): one track of sound in each direction, encrypted between the two
//! devices under keys whose fingerprints stand in the descriptions (RFC 5763).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use melo_stun::{RelayUrl, Transport};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use tokio::sync::{Mutex, mpsc};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::crypto::providers::AwsLcRsProvider;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder,
    RTCIceCandidateInit, RTCIceCandidateType, RTCIceServer, RTCIceTransportPolicy,
    RTCSessionDescription, Registry, SettingEngineBuilder, StatsSelector,
    register_default_interceptors,
};
use webrtc::rtp_transceiver::RtpSender;
use webrtc::runtime::TokioRuntime;

use crate::bridge::Bridge;
use crate::error::MediaError;
use crate::events::{Handler, PeerEvent};
use crate::local;
use crate::opus::SAMPLE_RATE;
use crate::packet::SoundPacket;
use crate::quality::Quality;
use crate::ways::{IceServer, Reach, WayOptions};

/// Events that wait to be taken.
const EVENTS: usize = 256;
/// Packets that wait to be taken: five seconds.
const PACKETS: usize = 250;
/// Ways to the other device that came before its description.
const EARLY_CANDIDATES: usize = 64;
/// The number that we propose for Opus; others usually take it, too.
const PAYLOAD_TYPE: u8 = 111;

/// One device's end of a connection. Dropping it ends the connection; [`Peer::close`] ends it in order.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    sender: Arc<dyn RtpSender>,
    track: Arc<dyn TrackLocal>,
    ssrc: u32,
    /// What the two have agreed on for Opus; 0 until they have.
    payload_type: AtomicU8,
    /// `None` once the other's description is there.
    early: Mutex<Option<Vec<RTCIceCandidateInit>>>,
    options: WayOptions,
    /// They lead to relays for as long as the connection is there.
    _bridges: Vec<Bridge>,
}

/// What comes out of a connection.
#[derive(Debug)]
pub struct PeerEnds {
    /// What happens to it.
    pub events: mpsc::Receiver<PeerEvent>,
    /// What the other one says. What is not taken in time is lost.
    pub sound: mpsc::Receiver<SoundPacket>,
}

impl Peer {
    /// A connection that does nothing yet.
    pub async fn new(options: WayOptions) -> Result<(Self, PeerEnds), MediaError> {
        let (servers, bridges) = servers(&options).await?;
        let mut addresses = local::addresses();
        let loopback = addresses.iter().all(|address| address.ip().is_loopback());
        if !bridges.is_empty() && !loopback {
            addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        let policy = match options.reach {
            Reach::Any => RTCIceTransportPolicy::All,
            Reach::RelayOnly => RTCIceTransportPolicy::Relay,
        };
        let configuration = RTCConfigurationBuilder::default()
            .with_ice_servers(servers)
            .with_ice_transport_policy(policy)
            .build();
        let settings = SettingEngineBuilder::new()
            .with_crypto_provider(Arc::new(AwsLcRsProvider::new()))
            .with_include_loopback_candidate(true)
            // Names of one's own network: they help nobody across the internet, and a machine without a route for
            // multicast could not call at all.
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .build();
        let mut media = MediaEngine::default();
        media.register_codec(codec(), RtpCodecKind::Audio)?;
        let registry = register_default_interceptors(Registry::new(), &mut media)?;
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let (sound, sound_receiver) = mpsc::channel(PACKETS);
        let handler = Handler {
            events,
            sound,
            loopback,
        };
        let building = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_setting_engine(settings)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(handler))
            .with_runtime(Arc::new(TokioRuntime))
            .with_udp_addrs(addresses)
            .build();
        // Boxed: its state is large.
        let connection = Box::pin(building).await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let ssrc = random()?;
        let track = track(ssrc);
        let sender = connection.add_track(Arc::clone(&track)).await?;
        let peer = Self {
            connection,
            sender,
            track,
            ssrc,
            payload_type: AtomicU8::new(0),
            early: Mutex::new(Some(Vec::new())),
            options,
            _bridges: bridges,
        };
        let ends = PeerEnds {
            events: event_receiver,
            sound: sound_receiver,
        };
        Ok((peer, ends))
    }

    /// A description that asks for an answer. With `restart`, other ways to each other are looked for.
    pub async fn offer(&self, restart: bool) -> Result<String, MediaError> {
        if restart {
            self.connection.restart_ice().await?;
        }
        let offer = self.connection.create_offer(None).await?;
        let text = offer.sdp.clone();
        self.connection.set_local_description(offer).await?;
        Ok(text)
    }

    /// Answers the other's description.
    pub async fn answer(&self, offer: &str) -> Result<String, MediaError> {
        let offer = RTCSessionDescription::offer(self.options.admitted(offer))?;
        self.connection.set_remote_description(offer).await?;
        let answer = self.connection.create_answer(None).await?;
        let text = answer.sdp.clone();
        self.connection.set_local_description(answer).await?;
        self.described().await?;
        Ok(text)
    }

    /// Takes the answer to an own description.
    pub async fn accept(&self, answer: &str) -> Result<(), MediaError> {
        let answer = RTCSessionDescription::answer(self.options.admitted(answer))?;
        self.connection.set_remote_description(answer).await?;
        self.described().await
    }

    /// Takes a way to the other device, as [`PeerEvent::Candidate`] gave it there. Ways that come before the other's
    /// description are kept for it; those that may not be used are passed over.
    pub async fn add_candidate(&self, text: &str) -> Result<(), MediaError> {
        let candidate: RTCIceCandidateInit =
            serde_json::from_str(text).map_err(|_| MediaError::Candidate)?;
        if !self.options.admits(&candidate.candidate) {
            return Ok(());
        }
        let mut early = self.early.lock().await;
        if let Some(early) = early.as_mut() {
            if early.len() < EARLY_CANDIDATES {
                early.push(candidate);
            }
            return Ok(());
        }
        drop(early);
        Ok(self.connection.add_ice_candidate(candidate).await?)
    }

    /// Sends sound. Before the two are connected it goes nowhere.
    pub async fn send(&self, packet: SoundPacket) -> Result<(), MediaError> {
        let payload_type = self.payload_type.load(Ordering::Relaxed);
        if payload_type == 0 {
            return Ok(());
        }
        let packet = rtp::Packet {
            header: rtp::Header {
                version: 2,
                payload_type,
                sequence_number: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            },
            payload: packet.payload,
        };
        Ok(self.track.write_rtp(packet).await?)
    }

    /// How it has been so far.
    pub async fn quality(&self) -> Quality {
        let report = self
            .connection
            .get_stats(Instant::now(), StatsSelector::None)
            .await;
        Quality::of(&report, self.way().await)
    }

    /// How this device is reached, once the two are connected.
    async fn way(&self) -> Option<RTCIceCandidateType> {
        let transport = self.sender.transport().await.ok()??.ice_transport();
        let pair = transport.get_selected_candidate_pair().await.ok()??;
        Some(pair.local().typ)
    }

    /// Ends the connection, and gives relays back what was reserved there.
    pub async fn close(&self) {
        if self.connection.close().await.is_err() {
            tracing::debug!("a call's connection was closed before");
        }
    }

    /// The other's description is there.
    async fn described(&self) -> Result<(), MediaError> {
        let agreed = self.sender.get_parameters().await?;
        let opus = agreed
            .rtp_parameters
            .codecs
            .iter()
            .find(|codec| is_opus(&codec.rtp_codec))
            .ok_or(MediaError::NoCodec)?;
        self.payload_type
            .store(opus.payload_type, Ordering::Relaxed);
        let early = self.early.lock().await.take();
        for candidate in early.into_iter().flatten() {
            // One that cannot be used is one way less.
            if self.connection.add_ice_candidate(candidate).await.is_err() {
                tracing::debug!("a way to the other device was passed over");
            }
        }
        Ok(())
    }
}

/// The servers as the library takes them; it knows relays over UDP alone.
async fn servers(options: &WayOptions) -> Result<(Vec<RTCIceServer>, Vec<Bridge>), MediaError> {
    let mut bridges = Vec::new();
    let mut servers = Vec::new();
    for IceServer { url, credentials } in &options.servers {
        let url = match RelayUrl::parse(url) {
            Ok(relay) if relay.transport != Transport::Udp => {
                let bridge = Bridge::open(relay, Arc::clone(&options.tls)).await?;
                let url = bridge.url().to_owned();
                bridges.push(bridge);
                url
            }
            _ => url.clone(),
        };
        let (username, credential) = credentials.clone().unwrap_or_default();
        servers.push(RTCIceServer {
            urls: vec![url],
            username,
            credential,
        });
    }
    Ok((servers, bridges))
}

fn codec() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: "audio/opus".to_owned(),
            clock_rate: SAMPLE_RATE,
            // Always two in descriptions, however many there are (RFC 7587, section 7).
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        },
        payload_type: PAYLOAD_TYPE,
    }
}

fn is_opus(codec: &RTCRtpCodec) -> bool {
    codec.mime_type.eq_ignore_ascii_case("audio/opus")
}

fn track(ssrc: u32) -> Arc<dyn TrackLocal> {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: codec().rtp_codec,
        ..Default::default()
    };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "melo".to_owned(),
        "sound".to_owned(),
        "sound".to_owned(),
        RtpCodecKind::Audio,
        vec![encoding],
    )))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a device's half, not the server's"
)]
fn random() -> Result<u32, MediaError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| MediaError::Random)?;
    Ok(u32::from_be_bytes(bytes))
}

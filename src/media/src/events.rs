//! What the connection says of itself.

use std::sync::Arc;

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceCandidateType, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState,
};

use crate::packet::SoundPacket;

/// What happens to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    /// A way to this device, to be told to the other one: JSON text (RFC 8838).
    Candidate(String),
    /// The two devices have each other.
    Connected,
    /// Nothing has come for some seconds; it may come again.
    Interrupted,
    /// There is no way to the other device, or no more.
    Failed,
}

/// Hands events and sound on; what nobody takes is dropped, the connection never waits.
pub struct Handler {
    pub events: mpsc::Sender<PeerEvent>,
    pub sound: mpsc::Sender<SoundPacket>,
    /// Whether ways within this machine are of use.
    pub loopback: bool,
}

impl Handler {
    fn tell(&self, event: PeerEvent) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            tracing::warn!("an event of a call's connection was dropped: nobody takes them");
        }
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let candidate = &event.candidate;
        let is_loopback = candidate
            .address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
        if is_loopback && candidate.typ != RTCIceCandidateType::Relay && !self.loopback {
            return;
        }
        let Ok(mut candidate) = candidate.to_json() else {
            return;
        };
        // Which server it came from is nobody's business.
        candidate.url = None;
        if let Ok(text) = serde_json::to_string(&candidate) {
            self.tell(PeerEvent::Candidate(text));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.tell(PeerEvent::Connected),
            RTCPeerConnectionState::Disconnected => self.tell(PeerEvent::Interrupted),
            RTCPeerConnectionState::Failed => self.tell(PeerEvent::Failed),
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        if track.kind().await != RtpCodecKind::Audio {
            return;
        }
        let sound = self.sound.clone();
        // Ends with the track, which ends with the connection.
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                    continue;
                };
                let packet = SoundPacket {
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    payload: packet.payload,
                };
                if let Err(TrySendError::Closed(_)) = sound.try_send(packet) {
                    break;
                }
            }
        });
    }
}

//! How a call was, as `call_quality` reports it.

use webrtc::peer_connection::{RTCIceCandidateType, RTCStatsReport};

/// How a call was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// Packets that did not arrive here, in percent.
    pub loss: f64,
    /// How unevenly they arrived, in milliseconds (RFC 3550, section 6.4.1).
    pub jitter: f64,
    /// There and back, in milliseconds.
    pub rtt: f64,
    /// How this device is reached: `host`, `srflx`, `prflx` or `relay`.
    pub way: Option<&'static str>,
}

impl Quality {
    pub(crate) fn of(report: &RTCStatsReport, way: Option<RTCIceCandidateType>) -> Self {
        let mut quality = Self {
            way: way.and_then(name),
            ..Self::default()
        };
        if let Some(stream) = report.inbound_rtp_streams().next() {
            let received = &stream.received_rtp_stream_stats;
            // More than four billion packets are two years of sound.
            let lost = u32::try_from(received.packets_lost.max(0)).unwrap_or(u32::MAX);
            let came = u32::try_from(received.packets_received).unwrap_or(u32::MAX);
            let all = f64::from(lost) + f64::from(came);
            if all > 0.0 {
                quality.loss = 100.0 * f64::from(lost) / all;
            }
            quality.jitter = received.jitter * 1000.0;
        }
        let pair = report
            .transport()
            .map(|transport| transport.selected_candidate_pair_id.as_str())
            .and_then(|id| report.candidate_pairs().find(|pair| pair.stats.id == id))
            .or_else(|| report.candidate_pairs().find(|pair| pair.nominated));
        if let Some(pair) = pair {
            quality.rtt = pair.current_round_trip_time * 1000.0;
        }
        quality
    }
}

fn name(kind: RTCIceCandidateType) -> Option<&'static str> {
    match kind {
        RTCIceCandidateType::Host => Some("host"),
        RTCIceCandidateType::Srflx => Some("srflx"),
        RTCIceCandidateType::Prflx => Some("prflx"),
        RTCIceCandidateType::Relay => Some("relay"),
        _ => None,
    }
}

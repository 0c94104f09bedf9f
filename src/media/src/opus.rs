//! Sound as Opus (RFC 6716), 20 ms at a time.

use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder, InbandFec};

use crate::error::MediaError;

/// Samples a second.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of 20 ms.
pub const FRAME: usize = frame(SAMPLE_RATE);
/// The longest packet there is: 120 ms (RFC 6716, section 2.1.4).
const LONGEST: usize = 6 * FRAME;
/// Speech as good as it gets, with something left for music.
const BITS: u32 = 64_000;
/// Twenty milliseconds at that rate, and a good deal more.
const MOST_BYTES: usize = 1200;
/// Losses to be ready for, in percent: each packet then holds a coarse copy of the one before.
const EXPECTED_LOSS: u8 = 5;

/// Samples of 20 ms, at so many a second.
pub const fn frame(rate: u32) -> usize {
    (rate / 50) as usize
}

/// Codes sound of one channel.
pub struct SoundEncoder(Encoder);

impl SoundEncoder {
    /// For sound of 8, 12, 16, 24 or 48 kHz.
    pub fn new(rate: u32) -> Result<Self, MediaError> {
        let bits = Bitrate::try_bits(BITS).map_err(codec)?;
        let encoder = Encoder::builder(rate, Channels::Mono, Application::Audio)
            .bitrate(bits)
            .inband_fec(InbandFec::Enabled)
            .packet_loss_perc(EXPECTED_LOSS)
            .build()
            .map_err(codec)?;
        Ok(Self(encoder))
    }

    /// Codes 20 ms.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Vec<u8>, MediaError> {
        let mut packet = vec![0; MOST_BYTES];
        let length = self.0.encode(samples, &mut packet).map_err(codec)?;
        packet.truncate(length);
        Ok(packet)
    }
}

/// Makes sound of one channel of what was coded.
pub struct SoundDecoder(Decoder);

impl SoundDecoder {
    /// Ready for the first packet.
    pub fn new() -> Result<Self, MediaError> {
        Decoder::new(SAMPLE_RATE, Channels::Mono)
            .map(Self)
            .map_err(codec)
    }

    /// The sound of a packet, however long; of an empty one none.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<i16>, MediaError> {
        if packet.is_empty() {
            return Ok(Vec::new());
        }
        let mut samples = vec![0; LONGEST];
        let length = self
            .0
            .decode(packet, &mut samples, DecodeMode::Normal)
            .map_err(codec)?;
        samples.truncate(length);
        Ok(samples)
    }

    /// What a lost packet of `length` samples may have sounded like; the one after it holds a coarse copy.
    pub fn conceal(&mut self, after: Option<&[u8]>, length: usize) -> Result<Vec<i16>, MediaError> {
        let mut samples = vec![0; length.clamp(1, LONGEST)];
        let (packet, mode) = match after {
            Some(after) => (after, DecodeMode::Fec),
            None => (&[][..], DecodeMode::Normal),
        };
        let length = self.0.decode(packet, &mut samples, mode).map_err(codec)?;
        samples.truncate(length);
        Ok(samples)
    }
}

fn codec(error: impl std::fmt::Display) -> MediaError {
    MediaError::Codec(error.to_string())
}

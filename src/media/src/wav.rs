//! Sound files: WAV, which every program reads and writes.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::error::MediaError;
use crate::opus::{SAMPLE_RATE, frame};

/// What Opus takes as it is (RFC 6716, section 2).
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// A sound file that is played once.
pub struct Tape {
    path: PathBuf,
    reader: WavReader<BufReader<File>>,
    ended: bool,
}

impl Tape {
    /// Opens it; it is read as it is played.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let reader = WavReader::open(path).map_err(|error| file(path, error))?;
        let WavSpec {
            channels,
            sample_rate,
            ..
        } = reader.spec();
        if !RATES.contains(&sample_rate) || !(1..=2).contains(&channels) {
            return Err(MediaError::Form {
                path: path.to_owned(),
                found: format!("{sample_rate} Hz, channels: {channels}"),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            ended: false,
        })
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.reader.spec().sample_rate
    }

    /// The next 20 ms, in one channel; silence after the end.
    pub fn next_frame(&mut self) -> Result<Vec<i16>, MediaError> {
        let length = frame(self.rate());
        let mut samples = Vec::with_capacity(length);
        while !self.ended && samples.len() < length {
            match self.next_sample()? {
                Some(sample) => samples.push(sample),
                None => self.ended = true,
            }
        }
        samples.resize(length, 0);
        Ok(samples)
    }

    /// Whether everything was played.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// The mean of the channels.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "16 bits of sound remain"
    )]
    fn next_sample(&mut self) -> Result<Option<i16>, MediaError> {
        let WavSpec {
            channels,
            bits_per_sample,
            sample_format,
            ..
        } = self.reader.spec();
        let mut sum = 0.0;
        for _ in 0..channels {
            let sample = match sample_format {
                SampleFormat::Float => self.reader.samples::<f32>().next(),
                SampleFormat::Int => {
                    let full = 2_f32.powi(i32::from(bits_per_sample) - 1);
                    let next = self.reader.samples::<i32>().next();
                    next.map(|sample| sample.map(|sample| sample as f32 / full))
                }
            };
            match sample
                .transpose()
                .map_err(|error| file(&self.path, error))?
            {
                Some(sample) => sum += sample,
                None => return Ok(None),
            }
        }
        let mean = (sum / f32::from(channels)).clamp(-1.0, 1.0);
        // Rounded within the range of the type.
        Ok(Some((mean * 32_768.0).round().min(32_767.0) as i16))
    }
}

/// A sound file that is being written: one channel of 16 bits, 48 kHz.
pub struct Recording {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    unsaved: usize,
}

impl Recording {
    /// Begins it; a file that was there is replaced.
    pub fn create(path: &Path) -> Result<Self, MediaError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = WavWriter::create(path, spec).map_err(|error| file(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            unsaved: 0,
        })
    }

    /// Appends sound. Once a second the file is a whole one, whatever happens to the program.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), MediaError> {
        for sample in samples {
            self.writer
                .write_sample(*sample)
                .map_err(|error| file(&self.path, error))?;
        }
        self.unsaved += samples.len();
        if self.unsaved >= frame(SAMPLE_RATE) * 50 {
            self.unsaved = 0;
            self.writer
                .flush()
                .map_err(|error| file(&self.path, error))?;
        }
        Ok(())
    }

    /// Ends it.
    pub fn finish(self) -> Result<(), MediaError> {
        let Self { path, writer, .. } = self;
        writer.finalize().map_err(|error| file(&path, error))
    }
}

fn file(path: &Path, error: hound::Error) -> MediaError {
    MediaError::File {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sound of a few samples"
)]
mod tests {
    use super::*;

    fn write(path: &Path, spec: WavSpec, samples: &[f32]) {
        let mut writer = WavWriter::create(path, spec).unwrap();
        for sample in samples {
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(*sample).unwrap(),
                SampleFormat::Int => {
                    let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                    writer.write_sample((sample * full) as i32).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn files_of_all_usual_forms_sound_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sound.wav");
        for (sample_format, bits_per_sample) in [
            (SampleFormat::Int, 16),
            (SampleFormat::Int, 24),
            (SampleFormat::Float, 32),
        ] {
            for sample_rate in RATES {
                let spec = WavSpec {
                    channels: 2,
                    sample_rate,
                    bits_per_sample,
                    sample_format,
                };
                // Half a frame: the mean of two channels, then silence.
                let half = frame(sample_rate) / 2;
                write(&path, spec, &[0.25, 0.75].repeat(half));
                let mut tape = Tape::open(&path).unwrap();
                let sound = tape.next_frame().unwrap();
                assert_eq!(sound.len(), frame(sample_rate));
                assert_eq!(sound[half - 1], 16_384);
                assert_eq!(sound[half], 0);
                assert!(tape.is_over());
            }
        }
    }

    #[test]
    fn other_forms_are_refused_with_what_is_needed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sound.wav");
        let spec = WavSpec {
            channels: 1,
            sample_rate: 44_100,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        write(&path, spec, &[0.0]);
        let said = Tape::open(&path).err().unwrap().to_string();
        assert!(
            said.contains("44100 Hz") && said.contains("48 kHz"),
            "{said}"
        );
        std::fs::write(&path, "no sound").unwrap();
        assert!(matches!(Tape::open(&path), Err(MediaError::File { .. })));
        let missing = directory.path().join("missing.wav");
        let said = Tape::open(&missing).err().unwrap().to_string();
        assert!(said.contains("missing.wav"), "{said}");
    }

    #[test]
    fn a_recording_can_be_played() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sound.wav");
        let sound: Vec<i16> = (0..1920).collect();
        let mut recording = Recording::create(&path).unwrap();
        recording.write(&sound[..100]).unwrap();
        recording.write(&sound[100..]).unwrap();
        recording.finish().unwrap();
        let mut tape = Tape::open(&path).unwrap();
        assert_eq!(tape.rate(), SAMPLE_RATE);
        let played = [tape.next_frame().unwrap(), tape.next_frame().unwrap()].concat();
        assert_eq!(played, sound);
    }
}

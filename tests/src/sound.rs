//! Sound files for calls, and whether what was heard is what was said.

use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// Samples a second, of files.
const RATE: u32 = 48_000;
/// Samples are compared at an eighth of that: what makes speech understood lies below 3 kHz.
const EVERY: usize = 8;
/// A quarter of a second, at the rate of comparing.
const PIECE: usize = RATE as usize / EVERY / 4;

/// How far apart the two may begin: four seconds.
const APART: usize = 16 * PIECE;

/// Writes a file in which no moment sounds like another: a tone that wanders up and down, louder and quieter.
pub fn write(path: &Path, seconds: u32) {
    let spec = WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).expect("a sound file");
    let mut phase = 0.0;
    for n in 0..seconds * RATE {
        let time = f64::from(n) / f64::from(RATE);
        let tone = 700.0 + 300.0 * (time * 1.7).sin() + 150.0 * (time * 0.31).cos() + 5.0 * time;
        phase += std::f64::consts::TAU * tone / f64::from(RATE);
        let loud = 0.55 + 0.35 * (time * 5.3).sin();
        let sample = phase.sin() * loud * 12_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "12,000 at most")]
        writer
            .write_sample(sample as i16)
            .expect("room on the disk");
    }
    writer.finalize().expect("room on the disk");
}

/// A file's samples, at the rate of comparing.
fn read(path: &Path) -> Vec<f64> {
    let reader = WavReader::open(path).expect("a sound file");
    assert_eq!(reader.spec().sample_rate, RATE);
    let samples: Vec<i16> = reader
        .into_samples()
        .collect::<Result<_, _>>()
        .expect("samples");
    // The mean of what is left out keeps higher tones from folding down.
    let mean = |part: &[i16]| part.iter().map(|s| f64::from(*s)).sum::<f64>() / 8.0;
    samples.chunks_exact(EVERY).map(mean).collect()
}

/// From 0 to 1, whatever the loudness.
fn likeness(one: &[f64], other: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let energy = (product(one, one) * product(other, other)).sqrt();
    if energy < 1.0 {
        return 0.0;
    }
    product(one, other) / energy
}

/// The same by every sixth sample, to search with.
fn glance(one: &[f64], other: &[f64]) -> f64 {
    let few = |part: &[f64]| part.iter().step_by(6).copied().collect::<Vec<_>>();
    likeness(&few(one), &few(other))
}

/// The share of what was played that is heard in what was recorded: each quarter of a second at its place after the one
/// before. The two need not begin at the same moment.
pub fn share_heard(played: &Path, recorded: &Path) -> f64 {
    let (played, recorded) = (read(played), read(recorded));
    // Where half a second from the middle of the file is found.
    let from = played.len() / 2;
    let probe = &played[from..from + 2 * PIECE];
    let last = recorded.len().saturating_sub(probe.len());
    let (best, at) = (from.saturating_sub(APART).min(last)..(from + APART).min(last))
        .map(|at| (glance(probe, &recorded[at..at + probe.len()]), at))
        .fold(
            (0.0, 0),
            |best, next| if next.0 > best.0 { next } else { best },
        );
    if best < 0.5 {
        return 0.0;
    }
    let mut heard = 0;
    let mut all = 0;
    for (n, piece) in played.chunks_exact(PIECE).enumerate() {
        all += 1;
        let Some(begin) = (n * PIECE + at).checked_sub(from) else {
            continue;
        };
        // A codec is not exact to the sample.
        let near = (begin.saturating_sub(3)..begin + 4)
            .filter_map(|begin| recorded.get(begin..begin + PIECE))
            .map(|part| likeness(piece, part))
            .fold(0.0, f64::max);
        heard += u32::from(near > 0.9);
    }
    f64::from(heard) / f64::from(all)
}

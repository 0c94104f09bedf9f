//! Files that people send and get: pictures, forms, archives.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgba, RgbaImage};
use reqwest::Method;

use crate::{Answer, Device};

const BOUNDARY: &str = "melo-boundary-7f3a";

/// The body of a form with these fields, each with a name and its content.
pub fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in fields {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// The `Content-Type` of [`form`].
pub fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// POST /avatar/upload.
pub async fn upload(device: &Device, file: &[u8]) -> Answer {
    upload_to(device, "/avatar/upload", file).await
}

/// POST of a file to any path.
pub async fn upload_to(device: &Device, path: &str, file: &[u8]) -> Answer {
    let body = form(&[("note", b"passed over"), ("file", file)]);
    device
        .call(Method::POST, path)
        .body(&form_type(), body)
        .send()
        .await
}

/// A picture of this size in this format; the alpha of all its pixels.
pub fn picture(width: u32, height: u32, alpha: u8, format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| Rgba([x.to_be_bytes()[3], y.to_be_bytes()[3], 90, alpha]);
    let drawn = DynamicImage::from(RgbaImage::from_fn(width, height, pixel));
    let drawn = if format == ImageFormat::Jpeg {
        drawn.into_rgb8().into()
    } else {
        drawn
    };
    let mut file = Cursor::new(Vec::new());
    drawn.write_to(&mut file, format).expect("a picture");
    file.into_inner()
}

/// A JPEG that says in its EXIF, in a comment behind its end and nowhere else, where it was taken.
pub fn photo_that_tells(place: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file);
    let exif = format!("II*\0\u{8}\0\0\0\0\0 GPS {place}");
    encoder
        .set_exif_metadata(exif.into_bytes())
        .expect("room for it");
    encoder
        .write_image(&[120; 32 * 32 * 3], 32, 32, ExtendedColorType::Rgb8)
        .expect("a picture");
    file.extend_from_slice(place.as_bytes());
    file
}

/// A PNG that claims a size and has nothing to show for it.
pub fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut file = picture(1, 1, 255, ImageFormat::Png);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = png_crc(&file[12..29]);
    file[29..33].copy_from_slice(&crc);
    file
}

/// A PNG with nothing but zeros in it, of one of the colour types of W3C PNG, section 11.2.1: a small file, however
/// many pixels it has.
pub fn flat_png(width: u32, height: u32, depth: u8, colour_type: u8) -> Vec<u8> {
    let channels = [1, 0, 3, 1, 2, 0, 4][usize::from(colour_type)];
    let row = 1 + u64::from(width) * u64::from(depth) / 8 * channels;
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&size[..], &[depth, colour_type, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(*b"IHDR", &header),
        png_chunk(*b"IDAT", &deflated_zeros(row * u64::from(height))),
        png_chunk(*b"IEND", &[]),
    ]
    .concat()
}

/// So many zeros as a zlib stream (RFC 1950) of one block with fixed codes (RFC 1951, section 3.2.6): a zero, and
/// then "258 times what was there". Without optimisation a library takes a minute for it.
fn deflated_zeros(count: u64) -> Vec<u8> {
    // Codes stand with their first bit lowest.
    const LITERAL_ZERO: (u64, u32) = (0b0000_1100, 8);
    const REPEATED_258: (u64, u32) = (0b0_0000_1010_0011, 13);
    const END: (u64, u32) = (0, 7);
    let mut stream = vec![0x78, 0x01];
    // The last block, with fixed codes.
    let (mut bits, mut held) = (0b011, 3);
    let mut put = |(code, length): (u64, u32)| {
        bits |= code << held;
        held += length;
        while held >= 8 {
            stream.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            held -= 8;
        }
    };
    put(LITERAL_ZERO);
    (0..(count - 1) / 258).for_each(|_| put(REPEATED_258));
    (0..(count - 1) % 258).for_each(|_| put(LITERAL_ZERO));
    put(END);
    // What is left of the last byte.
    put((0, 7));
    let sums = ((count % 65_521) << 16) | 1;
    stream.extend_from_slice(&sums.to_be_bytes()[4..]);
    stream
}

/// A PNG that moves: these pictures of the same size, one after the other (W3C PNG, section 11.3.5).
pub fn animated_png(width: u32, height: u32, frames: &[Rgba<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut sequence = 0_u32;
    let mut next = || {
        sequence += 1;
        (sequence - 1).to_be_bytes()
    };
    for (n, colour) in frames.iter().enumerate() {
        let still = still(width, height, *colour, ImageFormat::Png);
        let control = [
            &next()[..],
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &[0; 8],
            &[0, 1, 0, 10, 0, 0],
        ];
        let control = png_chunk(*b"fcTL", &control.concat());
        let pixels = png_pixels(&still);
        if n == 0 {
            // The signature and the header, then how many there are.
            file.extend_from_slice(&still[..33]);
            let count = u32::try_from(frames.len()).expect("few pictures");
            let playing = [count.to_be_bytes(), [0; 4]].concat();
            file.extend(png_chunk(*b"acTL", &playing));
            file.extend(control);
            file.extend(png_chunk(*b"IDAT", &pixels));
        } else {
            file.extend(control);
            file.extend(png_chunk(*b"fdAT", &[&next()[..], &pixels].concat()));
        }
    }
    file.extend(png_chunk(*b"IEND", &[]));
    file
}

/// A WebP that moves: these pictures of the same size, one after the other (RFC 9649, section 2.7).
pub fn animated_webp(width: u32, height: u32, frames: &[Rgba<u8>]) -> Vec<u8> {
    let three = |n: u32| n.to_le_bytes()[..3].to_vec();
    let size = [three(width - 1), three(height - 1)].concat();
    // With animation and alpha.
    let header = [&[0b0001_0010, 0, 0, 0][..], &size].concat();
    let mut body = [
        b"WEBP".to_vec(),
        riff_chunk(*b"VP8X", &header),
        riff_chunk(*b"ANIM", &[0; 6]),
    ]
    .concat();
    for colour in frames {
        let still = still(width, height, *colour, ImageFormat::WebP);
        // At the corner, for a tenth of a second, in place of what was there: and then what stands in a still one
        // behind its header.
        let frame = [&[0; 6][..], &size, &three(100), &[0b10], &still[12..]];
        body.extend(riff_chunk(*b"ANMF", &frame.concat()));
    }
    riff_chunk(*b"RIFF", &body)
}

fn still(width: u32, height: u32, colour: Rgba<u8>, format: ImageFormat) -> Vec<u8> {
    let drawn = DynamicImage::from(RgbaImage::from_pixel(width, height, colour));
    let mut file = Cursor::new(Vec::new());
    drawn.write_to(&mut file, format).expect("a picture");
    file.into_inner()
}

fn riff_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a short chunk");
    let padding = vec![0; data.len() % 2];
    [&kind[..], &length.to_le_bytes(), data, &padding].concat()
}

fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a short chunk");
    let named = [&kind[..], data].concat();
    [&length.to_be_bytes()[..], &named, &png_crc(&named)].concat()
}

/// What stands in the `IDAT` chunks of a PNG.
fn png_pixels(file: &[u8]) -> Vec<u8> {
    let mut pixels = Vec::new();
    let mut rest = &file[8..];
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if behind.starts_with(b"IDAT") {
            pixels.extend_from_slice(&behind[4..4 + length]);
        }
        rest = &behind[4 + length + 4..];
    }
    pixels
}

/// Of a chunk's name and data (W3C PNG, section 5.5).
fn png_crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).to_be_bytes()
}

/// What is in an archive, by name.
pub fn unzip(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(file)).expect("an archive");
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a whole entry");
        let name = entry.name().expect("a name").into_owned();
        found.insert(name, content);
    }
    found
}

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
    let mut crc = !0_u32;
    for byte in &file[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    file[29..33].copy_from_slice(&(!crc).to_be_bytes());
    file
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

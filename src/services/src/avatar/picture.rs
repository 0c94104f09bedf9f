//! Makes a picture of whatever was uploaded: decoded within limits and encoded anew, so that nothing of the
//! file but its pixels is kept. EXIF with places and times, comments, colour profiles and whatever hides behind
//! the picture's end are gone.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::AvatarError;

/// Longest side of what is kept, in pixels.
const LONGEST_SIDE: u32 = 1024;
/// Longest side of what is decoded, in pixels.
const MAX_SIDE: u32 = 16_384;
/// Most pixels that are decoded: a photo of a good phone.
const MAX_PIXELS: u64 = 50_000_000;
/// Memory that a decoder may take beside the pixels, in bytes.
const MAX_ALLOC: u64 = 256 << 20;
/// Largest file that is kept, in bytes. Photos stay far below; noise with transparency is made smaller instead.
const MAX_KEPT: usize = 1 << 20;
/// As photos look good.
const JPEG_QUALITY: u8 = 85;

/// A picture in the form it is kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub bytes: Vec<u8>,
    pub mime: &'static str,
}

/// Decodes and encodes. Takes up to a second of a core and a few hundred megabytes: not for the event loop.
pub(super) fn normalise(file: &[u8]) -> Result<Picture, AvatarError> {
    let Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) =
        image::guess_format(file)
    else {
        return Err(AvatarError::Unsupported);
    };
    let mut picture = decode(file, format)?;
    if picture.width().max(picture.height()) > LONGEST_SIDE {
        picture = picture.resize(LONGEST_SIDE, LONGEST_SIDE, FilterType::Triangle);
    }
    encode(picture)
}

fn decode(file: &[u8], format: ImageFormat) -> Result<DynamicImage, AvatarError> {
    let refuse = |_| AvatarError::Invalid("it cannot be decoded");
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(refuse)?;
    // What the header claims, before anything is reserved for it.
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(AvatarError::Invalid("it is empty"));
    }
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(AvatarError::Invalid("it has too many pixels"));
    }
    limits.reserve(decoder.total_bytes()).map_err(refuse)?;
    decoder.set_limits(limits).map_err(refuse)?;
    // A camera's "this side up" is metadata too: it is obeyed, and then it is gone.
    let orientation = decoder.orientation().map_err(refuse)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn encode(mut picture: DynamicImage) -> Result<Picture, AvatarError> {
    let refuse = |_| AvatarError::Invalid("it cannot be encoded");
    if !is_transparent(&picture) {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        let opaque = DynamicImage::from(picture.into_rgb8());
        opaque.write_with_encoder(encoder).map_err(refuse)?;
        return Ok(Picture {
            bytes,
            mime: "image/jpeg",
        });
    }
    loop {
        let mut bytes = Vec::new();
        let pixels = DynamicImage::from(picture.to_rgba8());
        let encoder = PngEncoder::new(&mut bytes);
        pixels.write_with_encoder(encoder).map_err(refuse)?;
        if bytes.len() <= MAX_KEPT {
            return Ok(Picture {
                bytes,
                mime: "image/png",
            });
        }
        let half = pixels.width().max(pixels.height()) / 2;
        picture = pixels.resize(half, half, FilterType::Triangle);
    }
}

fn is_transparent(picture: &DynamicImage) -> bool {
    picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageEncoder, Rgba, RgbaImage};

    fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn drawn(width: u32, height: u32, alpha: u8) -> DynamicImage {
        let pixel = |x: u32, y: u32| Rgba([(x % 251) as u8, (y % 241) as u8, 90, alpha]);
        RgbaImage::from_fn(width, height, pixel).into()
    }

    /// A PNG chunk (W3C PNG, section 5.3).
    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = !0_u32;
        for byte in kind.iter().chain(data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            }
        }
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &kind, data, &(!crc).to_be_bytes()].concat()
    }

    fn png_header(width: u32, height: u32) -> Vec<u8> {
        let head = [
            &width.to_be_bytes()[..],
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0],
        ]
        .concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &head)].concat()
    }

    #[test]
    fn photos_become_jpegs_of_bounded_size_and_transparent_ones_stay_transparent() {
        let opaque = drawn(3000, 1500, 255);
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let kept = normalise(&file(&opaque, format)).unwrap();
            assert_eq!(kept.mime, "image/jpeg", "{format:?}");
            let back = image::load_from_memory(&kept.bytes).unwrap();
            assert_eq!((back.width(), back.height()), (1024, 512));
        }
        let jpeg = DynamicImage::from(drawn(40, 30, 255).into_rgb8());
        let kept = normalise(&file(&jpeg, ImageFormat::Jpeg)).unwrap();
        let back = image::load_from_memory(&kept.bytes).unwrap();
        assert_eq!((back.width(), back.height()), (40, 30), "never made larger");

        let kept = normalise(&file(&drawn(50, 50, 7), ImageFormat::Png)).unwrap();
        assert_eq!(kept.mime, "image/png");
        let back = image::load_from_memory(&kept.bytes).unwrap().into_rgba8();
        assert_eq!(back.get_pixel(3, 3).0[3], 7);
    }

    #[test]
    fn noise_with_transparency_is_made_smaller_until_it_fits() {
        let mut state = 1_u32;
        let mut noise = |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgba((state | 1).to_be_bytes())
        };
        let picture = RgbaImage::from_fn(1024, 1024, &mut noise).into();
        let kept = normalise(&file(&picture, ImageFormat::Png)).unwrap();
        assert_eq!(kept.mime, "image/png");
        assert!(kept.bytes.len() <= MAX_KEPT, "{}", kept.bytes.len());
    }

    #[test]
    fn bombs_are_refused_by_what_they_claim() {
        let ihdr = [png_header(50_000, 50_000), chunk(*b"IEND", &[])].concat();
        assert!(matches!(normalise(&ihdr), Err(AvatarError::Invalid(_))));
        let wide = [png_header(16_000, 16_000), chunk(*b"IEND", &[])].concat();
        assert!(matches!(normalise(&wide), Err(AvatarError::Invalid(_))));
    }

    #[test]
    fn what_is_behind_the_pixels_goes() {
        let hidden = b"Exif\0\0 GPS 55.7558 N 37.6173 E";
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new(&mut jpeg);
        encoder.set_exif_metadata(hidden.to_vec()).unwrap();
        encoder
            .write_image(&[120; 300], 10, 10, image::ExtendedColorType::Rgb8)
            .unwrap();
        jpeg.extend_from_slice(b"GPS 55.7558 behind the end");
        let has = |bytes: &[u8]| bytes.windows(7).any(|w| w == b"55.7558");
        assert!(has(&jpeg));
        assert!(!has(&normalise(&jpeg).unwrap().bytes));

        let text = chunk(*b"tEXt", b"Location\0GPS 55.7558");
        let mut png = file(&drawn(8, 8, 255), ImageFormat::Png);
        png.splice(33..33, text);
        assert!(has(&png));
        assert!(!has(&normalise(&png).unwrap().bytes));
    }

    #[test]
    fn odd_input_is_a_typed_refusal() {
        let png = file(&drawn(20, 20, 255), ImageFormat::Png);
        for cut in 0..png.len() {
            // Whatever comes of it, it comes back.
            let _ = normalise(&png[..cut]);
        }
        assert!(matches!(
            normalise(&png[..png.len() / 2]),
            Err(AvatarError::Invalid(_))
        ));
        for other in [
            &b"GIF89a\x01\x00\x01\x00"[..],
            b"%PDF-1.7",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"",
        ] {
            assert!(matches!(normalise(other), Err(AvatarError::Unsupported)));
        }
    }
}

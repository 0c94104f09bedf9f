//! Pictures: what is taken, what is kept of it, and who sees it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use image::{ImageFormat, Rgba};
use melo_protocol::ErrorCode;
use melo_tests::files::{
    animated_png, animated_webp, flat_png, form, form_type, photo_that_tells, picture,
    png_that_claims, upload,
};
use melo_tests::{Answer, Fields, Server, assert_shape, befriend};
use memchr::memmem::find;
use reqwest::Method;
use serde_json::json;

fn shown(answer: &Answer) -> (Vec<u8>, String) {
    let body = answer.ok();
    assert_shape(&body, "ok:bool encrypted_avatar:text mime:text");
    assert_eq!(body["ok"], true);
    let file = URL_SAFE.decode(body.text("encrypted_avatar")).unwrap();
    (file, body.text("mime"))
}

#[tokio::test]
async fn a_picture_is_made_anew_shown_to_contacts_replaced_and_taken_away() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let path = format!("/avatar/{}", anna.uid);
    anna.get(&path).await.problem(ErrorCode::NotFound);

    let answer = upload(&anna, &picture(2000, 1000, 255, ImageFormat::WebP)).await;
    assert_eq!(answer.ok(), json!({"ok": true}));
    let (file, mime) = shown(&boris.get(&path).await);
    assert_eq!(mime, "image/jpeg");
    assert_eq!(image::guess_format(&file).unwrap(), ImageFormat::Jpeg);
    let seen = image::load_from_memory(&file).unwrap();
    assert_eq!((seen.width(), seen.height()), (1024, 512));

    upload(&anna, &picture(40, 40, 9, ImageFormat::Png))
        .await
        .ok();
    let (file, mime) = shown(&anna.get(&path).await);
    assert_eq!(mime, "image/png");
    let seen = image::load_from_memory(&file).unwrap().into_rgba8();
    assert_eq!(seen.get_pixel(5, 5).0[3], 9, "still transparent");

    assert_eq!(anna.delete("/avatar/").await.ok(), json!({"ok": true}));
    boris.get(&path).await.problem(ErrorCode::NotFound);
    assert_eq!(
        anna.delete("/avatar").await.ok(),
        json!({"ok": true}),
        "again"
    );
}

#[tokio::test]
async fn where_a_photo_was_taken_is_not_kept() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let place = "55.7558N 37.6173E";
    let photo = photo_that_tells(place);
    assert!(find(&photo, place.as_bytes()).is_some());
    upload(&anna, &photo).await.ok();
    let (file, _) = shown(&anna.get(&format!("/avatar/{}", anna.uid)).await);
    assert!(find(&file, place.as_bytes()).is_none());
    assert!(find(&file, b"Exif").is_none());
    for file in melo_tests::search::files_below(&server.data_dir()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            find(&bytes, place.as_bytes()).is_none(),
            "{}",
            file.display()
        );
    }
}

#[tokio::test]
async fn of_an_animation_the_first_picture_is_kept() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let path = format!("/avatar/{}", anna.uid);
    let (red, blue) = (Rgba([200, 0, 0, 255]), Rgba([0, 0, 200, 255]));
    let clear = Rgba([200, 0, 0, 100]);
    for animate in [animated_png, animated_webp] {
        upload(&anna, &animate(60, 40, &[red, blue, clear]))
            .await
            .ok();
        let (file, mime) = shown(&anna.get(&path).await);
        assert_eq!(mime, "image/jpeg", "a still one");
        let seen = image::load_from_memory(&file).unwrap().into_rgb8();
        assert_eq!(seen.dimensions(), (60, 40));
        let [r, g, b] = seen.get_pixel(30, 20).0;
        assert!(r > 190 && g < 10 && b < 10, "{r} {g} {b}");

        upload(&anna, &animate(60, 40, &[clear, blue])).await.ok();
        let (file, mime) = shown(&anna.get(&path).await);
        assert_eq!(mime, "image/png");
        for chunk in [&b"acTL"[..], b"fdAT", b"ANMF"] {
            assert!(find(&file, chunk).is_none(), "nothing else is kept");
        }
        let seen = image::load_from_memory(&file).unwrap().into_rgba8();
        assert_eq!(*seen.get_pixel(30, 20), clear);

        let mut cut = animate(60, 40, &[red, blue]);
        cut.truncate(70);
        let refused = upload(&anna, &cut).await;
        refused.problem(ErrorCode::InvalidImage);
    }
}

#[tokio::test]
async fn a_small_file_of_very_many_pixels_takes_no_more_memory_than_it_may() {
    const MIB: u64 = 1 << 20;
    const GREY: u8 = 0;
    const RGB: u8 = 2;
    const RGBA: u8 = 6;
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;

    // Within the limit of pixels; 16 bits of four channels each are 275 MiB of them.
    let deep = flat_png(6000, 6000, 16, RGBA);
    let refused = upload(&anna, &deep).await;
    refused.problem(ErrorCode::InvalidImage);
    let wide = flat_png(7100, 7100, 8, GREY);
    let refused = upload(&anna, &wide).await.problem(ErrorCode::InvalidImage);
    assert!(refused.detail.contains("pixels"), "{}", refused.detail);
    let before = server.memory_peak();
    assert!(before < 128 * MIB, "{} MiB", before / MIB);

    let most = flat_png(7000, 7000, 8, RGB);
    assert!(most.len() < 1 << 20, "{} bytes", most.len());
    upload(&anna, &most).await.ok();
    let (file, _) = shown(&anna.get(&format!("/avatar/{}", anna.uid)).await);
    let seen = image::load_from_memory(&file).unwrap();
    assert_eq!((seen.width(), seen.height()), (1024, 1024));
    assert_eq!(seen.into_rgb8().get_pixel(512, 512).0, [0, 0, 0]);
    let took = server.memory_peak() - before;
    assert!(took < 400 * MIB, "{} MiB", took / MIB);
}

#[tokio::test]
async fn what_is_no_good_is_refused_by_name() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let good = picture(30, 30, 255, ImageFormat::Png);

    let too_large = [good.clone(), vec![0; 2 << 20]].concat();
    upload(&anna, &too_large).await.problem(ErrorCode::TooLarge);
    let far_too_large = vec![0; 5 << 20];
    upload(&anna, &far_too_large)
        .await
        .problem(ErrorCode::TooLarge);
    for other in [&b"GIF89a\x01\0\x01\0"[..], b"%PDF-1.7", b"<svg/>", b""] {
        let answer = upload(&anna, other).await;
        answer.problem(ErrorCode::UnsupportedMediaType);
    }
    let mut animated = good.clone();
    animated.truncate(good.len() - 20);
    for bad in [
        png_that_claims(50_000, 50_000),
        png_that_claims(16_000, 16_000),
        animated,
        b"\x89PNG\r\n\x1a\n".to_vec(),
        b"\xff\xd8\xff\xe0 no picture".to_vec(),
        b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(),
    ] {
        let problem = upload(&anna, &bad).await.problem(ErrorCode::InvalidImage);
        assert!(!problem.detail.is_empty());
    }

    let post = |kind: String, body: Vec<u8>| {
        let call = anna.call(Method::POST, "/avatar/upload");
        call.body(&kind, body).send()
    };
    let other_form = post(form_type(), form(&[("picture", &good)])).await;
    assert_eq!(other_form.refused_fields(), ["file"]);
    let twice = post(form_type(), form(&[("file", &good), ("file", &good)])).await;
    assert_eq!(twice.refused_fields(), ["file"]);
    let many: Vec<(&str, &[u8])> = vec![("x", b"y"); 40];
    let many = post(form_type(), form(&many)).await;
    many.problem(ErrorCode::Malformed);
    let cut = form(&[("file", &good)]);
    let cut = post(form_type(), cut[..cut.len() / 2].to_vec()).await;
    cut.problem(ErrorCode::Malformed);
    let bare = post("multipart/form-data".to_owned(), b"x".to_vec()).await;
    bare.problem(ErrorCode::Malformed);
    let json = anna.post("/avatar/upload", &json!({"file": "x"})).await;
    json.problem(ErrorCode::UnsupportedMediaType);
    let nobody = server.anonymous().call(Method::POST, "/avatar/upload");
    let nobody = nobody
        .body(&form_type(), form(&[("file", &good)]))
        .send()
        .await;
    nobody.problem(ErrorCode::InvalidToken);
    anna.get(&format!("/avatar/{}", anna.uid))
        .await
        .problem(ErrorCode::NotFound);
}

#[tokio::test]
async fn who_may_not_see_a_picture_cannot_tell_that_there_is_one() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let stranger = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    upload(&anna, &picture(30, 30, 255, ImageFormat::Jpeg))
        .await
        .ok();
    let path = format!("/avatar/{}", anna.uid);
    let nobody = stranger.get("/avatar/99999999").await;
    let nobody = nobody.problem(ErrorCode::NotFound);

    shown(&boris.get(&path).await);
    let hidden = stranger.get(&path).await.problem(ErrorCode::NotFound);
    assert_eq!(hidden.detail, nobody.detail);
    anna.put("/privacy", &json!({"avatar": "everyone"}))
        .await
        .ok();
    shown(&stranger.get(&path).await);
    anna.put("/privacy", &json!({"avatar": "nobody"}))
        .await
        .ok();
    boris.get(&path).await.problem(ErrorCode::NotFound);
    shown(&anna.get(&path).await);
    let malformed = stranger.get("/avatar/anna").await;
    assert_eq!(malformed.refused_fields(), ["uid"]);
}

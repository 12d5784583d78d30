//! What is taken and what is refused. The samples are of another program (Pillow), with a name and a place in them.

use std::io::Cursor;

use super::*;

const SIDES: RangeInclusive<u32> = 16..=1_024;
const JPEG: &[u8] = include_bytes!("../samples/square.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("../samples/progressive.jpg");
const FOUR_INKS: &[u8] = include_bytes!("../samples/four-inks.jpg");
const WEBP: &[u8] = include_bytes!("../samples/square.webp");
const MOVING: &[u8] = include_bytes!("../samples/moving.webp");

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(Cursor::new(&mut file), width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder
        .add_text_chunk("Author".to_owned(), "A person of the tests".to_owned())
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    let pixels = usize::try_from(width * height * 4).unwrap();
    writer.write_image_data(&vec![0x7a; pixels]).unwrap();
    writer.finish().unwrap();
    file
}

/// A chunk of PNG with its checksum, by the library: it writes any that it is told to.
fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = png::Encoder::new(Cursor::new(&mut file), 1, 1)
        .write_header()
        .unwrap();
    writer.write_chunk(png::chunk::ChunkType(name), content).unwrap();
    drop(writer);
    let at = file.windows(4).position(|found| found == name).unwrap() - 4;
    file[at..at + 12 + content.len()].to_vec()
}

fn holds(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|found| found == part)
}

/// Every kind, with the samples of it.
fn pictures() -> Vec<(Kind, Vec<u8>)> {
    vec![
        (Kind::Png, png(24, 16)),
        (Kind::Jpeg, JPEG.to_vec()),
        (Kind::Jpeg, PROGRESSIVE.to_vec()),
        (Kind::Jpeg, FOUR_INKS.to_vec()),
        (Kind::Webp, WEBP.to_vec()),
    ]
}

#[test]
fn a_picture_is_told_by_what_it_holds() {
    for (kind, file) in pictures() {
        let picture = read(&file, SIDES).unwrap();
        assert_eq!((picture.kind, picture.width, picture.height), (kind, 24, 16));
    }
}

#[test]
fn what_is_not_drawn_is_not_kept() {
    for (kind, file) in pictures() {
        let kept = read(&file, SIDES).unwrap().bytes;
        for never in ["of the tests", "Exif", "EXIF", "tEXt", "where it was"] {
            assert!(!holds(&kept, never.as_bytes()), "{kind:?} holds {never}");
        }
        assert_eq!(
            read(&kept, SIDES).unwrap().bytes,
            kept,
            "nothing is left to take away"
        );
    }
    assert!(
        holds(JPEG, b"of the tests") && holds(WEBP, b"of the tests"),
        "the samples have it"
    );
}

#[test]
fn a_second_document_behind_a_picture_or_within_it_is_not_kept() {
    let document = b"<!doctype html><script>alert(1)</script>";
    for (kind, file) in pictures() {
        let behind = [&file[..], document].concat();
        let kept = read(&behind, SIDES).unwrap().bytes;
        assert!(!holds(&kept, b"<script"), "{kind:?}");
        assert_eq!(kept, read(&file, SIDES).unwrap().bytes);
    }
    let file = png(24, 16);
    let (start, rest) = file.split_at(file.len() - 12);
    let within = [start, &chunk(*b"zTXt", document), rest].concat();
    assert!(holds(&within, b"<script") && !holds(&read(&within, SIDES).unwrap().bytes, b"<script"));
    let comment = [&[0xff, 0xfe, 0, 42][..], document].concat();
    let within = [&JPEG[..2], &comment, &JPEG[2..]].concat();
    assert!(!holds(&read(&within, SIDES).unwrap().bytes, b"<script"));
}

#[test]
fn a_picture_that_is_cut_off_anywhere_is_refused_or_whole() {
    for (kind, file) in pictures() {
        for end in 0..file.len() {
            // What was cut off was not drawn, or the picture is not whole.
            if let Ok(picture) = read(&file[..end], SIDES) {
                assert_eq!(picture, read(&file, SIDES).unwrap(), "{kind:?} to {end}");
            }
        }
        let most = read(&file, SIDES).unwrap().bytes;
        assert!(read(&most[..most.len() - 1], SIDES).is_err(), "{kind:?}");
    }
}

#[test]
fn nothing_of_a_damaged_picture_panics() {
    for (_, file) in pictures() {
        for at in 0..file.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= bits;
                if let Ok(picture) = read(&damaged, SIDES) {
                    assert!(SIDES.contains(&picture.width) && SIDES.contains(&picture.height));
                }
            }
        }
    }
}

#[test]
fn what_is_no_picture_of_pixels_is_refused() {
    for file in [
        &b""[..],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a\x40\0\x40\0",
        b"RIFF\x04\0\0\0WAVE",
        b"BM\0\0",
    ] {
        assert_eq!(read(file, SIDES), Err(Refused::Unknown));
    }
    for file in [bare::PNG, bare::JPEG, b"RIFF\x04\0\0\0WEBP"] {
        assert_eq!(read(file, SIDES), Err(Refused::Broken));
    }
    assert_eq!(read(MOVING, SIDES), Err(Refused::Moving));
}

#[test]
fn sides_are_looked_at_before_anything_is_unpacked() {
    for (width, height) in [(15, 64), (64, 1_025), (1_025, 1_025)] {
        let told = read(&png(width, height), SIDES).unwrap_err();
        assert_eq!(
            told.to_string(),
            format!("must have 16 to 1024 pixels on each side, and has {width} by {height}")
        );
    }
    // Four thousand million pixels on each side, and not one of them there.
    let mut head = [[0xff; 4], [0xff; 4]].concat();
    head[0] = 0x7f;
    head[4] = 0x7f;
    head.extend(b"\x08\x06\0\0\0");
    let bomb = [
        bare::PNG,
        &chunk(*b"IHDR", &head),
        &chunk(*b"IDAT", b""),
        &chunk(*b"IEND", b""),
    ]
    .concat();
    assert!(matches!(
        read(&bomb, SIDES),
        Err(Refused::Size { .. } | Refused::Broken)
    ));
    let mut large = JPEG.to_vec();
    let frame = large.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    large[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    assert!(matches!(
        read(&large, SIDES),
        Err(Refused::Size {
            width: 8_192,
            height: 8_192,
            ..
        })
    ));
}

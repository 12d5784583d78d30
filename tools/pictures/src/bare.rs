//! The parts of a file that are drawn, without the others. The rule: what is not known to be needed is left out, and whatever follows the end.
//! Nothing is unpacked here.

use crate::Refused;

/// How a PNG file begins.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// How a JPEG file begins: the start of an image, and the first byte of another marker.
pub const JPEG: &[u8] = b"\xff\xd8\xff";

/// The first bytes, and the rest.
fn cut(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(at)
}

/// The chunks of the picture itself, and of its colours. Those that make it move are left out, too: the picture that everybody sees stays.
pub fn png(file: &[u8]) -> Option<Vec<u8>> {
    const KEPT: [&[u8; 4]; 8] = [
        b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM",
    ];
    let mut kept = PNG.to_vec();
    let mut rest = file.strip_prefix(PNG)?;
    loop {
        let length: usize = u32::from_be_bytes(*rest.first_chunk()?).try_into().ok()?;
        let name: &[u8; 4] = rest.get(4..8)?.try_into().ok()?;
        // Length, name and checksum have four bytes each.
        let (chunk, after) = cut(rest, length.checked_add(12)?)?;
        if KEPT.contains(&name) {
            kept.extend_from_slice(chunk);
        }
        if name == b"IEND" {
            return Some(kept);
        }
        rest = after;
    }
}

/// All segments but those of applications (`APPn`) and comments. `APP14` stays: it tells how colours are written.
pub fn jpeg(file: &[u8]) -> Option<Vec<u8>> {
    const START_OF_SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    let (start, mut rest) = cut(file, 2)?;
    let mut kept = start.to_vec();
    loop {
        // Any number of 0xff may stand before a marker.
        while rest.first()? == &0xff && rest.get(1)? == &0xff {
            rest = rest.get(1..)?;
        }
        let &[0xff, marker] = rest.first_chunk()? else {
            return None;
        };
        if marker == END {
            kept.extend_from_slice(&[0xff, END]);
            return Some(kept);
        }
        let length = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
        if length < 2 || matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8) {
            return None;
        }
        let (segment, after) = cut(rest, 2 + usize::from(length))?;
        if !matches!(marker, 0xe0..=0xed | 0xef | 0xfe) {
            kept.extend_from_slice(segment);
        }
        rest = after;
        if marker == START_OF_SCAN {
            let (scan, after) = cut(rest, scan(rest)?)?;
            kept.extend_from_slice(scan);
            rest = after;
        }
    }
}

/// How long the data of a scan are: to the next marker that is not one of those within.
fn scan(rest: &[u8]) -> Option<usize> {
    rest.windows(2)
        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff | 0xd0..=0xd7))
}

/// The chunks of the picture and of how transparent it is.
pub fn webp(file: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
    const MOVES: u8 = 0b0000_0010;
    const TRANSPARENT: u8 = 0b0001_0000;
    let mut kept = Vec::new();
    let mut rest = file.get(12..).unwrap_or_default();
    let length = |rest: &[u8]| Some(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?));
    // What the file says of its own length is looked at no further: it ends where its chunks do.
    while let Some(length) = length(rest) {
        let whole = usize::try_from(length).ok().and_then(|length| {
            // A chunk has an even number of bytes.
            length.checked_next_multiple_of(2)?.checked_add(8)
        });
        let Some((chunk, after)) = whole.and_then(|whole| cut(rest, whole)) else {
            return Ok(None);
        };
        match &chunk[..4] {
            b"VP8X" => {
                let mut chunk = chunk.to_vec();
                let Some(flags) = chunk.get_mut(8) else {
                    return Ok(None);
                };
                if *flags & MOVES != 0 {
                    return Err(Refused::Moving);
                }
                *flags &= TRANSPARENT;
                kept.extend_from_slice(&chunk);
            }
            b"ALPH" => kept.extend_from_slice(chunk),
            b"VP8 " | b"VP8L" => {
                kept.extend_from_slice(chunk);
                let Ok(length) = u32::try_from(kept.len() + 4) else {
                    return Ok(None);
                };
                return Ok(Some(
                    [b"RIFF", &length.to_le_bytes()[..], b"WEBP", &kept].concat(),
                ));
            }
            b"ANIM" | b"ANMF" => return Err(Refused::Moving),
            _ => {}
        }
        rest = after;
    }
    Ok(None)
}

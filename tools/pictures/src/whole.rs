//! Whether the parts of a file are a picture, which is seen by drawing it. The rule: its sides are looked at first, so that no more is ever unpacked
//! than pictures of those sides take.

use std::{io::Cursor, ops::RangeInclusive};

use image_webp::WebPDecoder;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

use crate::{Kind, Refused};

/// The most scans of a progressive JPEG; usual ones have ten.
const SCANS: usize = 32;

/// Its width and height.
pub fn seen(kind: Kind, file: &[u8], sides: &RangeInclusive<u32>) -> Result<(u32, u32), Refused> {
    match kind {
        Kind::Png => png(file, sides),
        Kind::Jpeg => jpeg(file, sides),
        Kind::Webp => webp(file, sides),
    }
}

fn sized(width: u32, height: u32, sides: &RangeInclusive<u32>) -> Result<(u32, u32), Refused> {
    if sides.contains(&width) && sides.contains(&height) {
        return Ok((width, height));
    }
    Err(Refused::Size {
        fewest: *sides.start(),
        most: *sides.end(),
        width,
        height,
    })
}

/// The most bytes that a picture takes: four colours of two bytes for each pixel, and as much beside it.
fn room(sides: &RangeInclusive<u32>) -> usize {
    usize::try_from(u64::from(*sides.end()).pow(2) * 16).unwrap_or(usize::MAX)
}

fn broken<E>(_: E) -> Refused {
    Refused::Broken
}

fn png(file: &[u8], sides: &RangeInclusive<u32>) -> Result<(u32, u32), Refused> {
    let limits = png::Limits { bytes: room(sides) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    let head = decoder.read_header_info().map_err(broken)?;
    let size = sized(head.width, head.height, sides)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(Refused::Broken)?];
    reader.next_frame(&mut pixels).map_err(broken)?;
    reader.finish().map_err(broken)?;
    Ok(size)
}

fn jpeg(file: &[u8], sides: &RangeInclusive<u32>) -> Result<(u32, u32), Refused> {
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .jpeg_set_max_scans(SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(broken)?;
    let head = decoder.info().ok_or(Refused::Broken)?;
    let size = sized(u32::from(head.width), u32::from(head.height), sides)?;
    decoder.decode().map_err(broken)?;
    Ok(size)
}

fn webp(file: &[u8], sides: &RangeInclusive<u32>) -> Result<(u32, u32), Refused> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(broken)?;
    decoder.set_memory_limit(room(sides));
    let (width, height) = decoder.dimensions();
    let size = sized(width, height, sides)?;
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(Refused::Broken)?];
    decoder.read_image(&mut pixels).map_err(broken)?;
    Ok(size)
}

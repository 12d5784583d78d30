//! Small pictures of pixels: PNG, JPEG and WebP. The rules: a picture is what it holds and not what it is called; it is seen whole, within
//! bounds that are looked at before anything is unpacked; and what is kept of it is what is drawn, so that nobody's place, name or
//! camera travels with it (EXIF, XMP, comments), nor a second document behind it.
//!
//! ```
//! let picture = [0; 4];
//! assert_eq!(pictures::read(&picture, 16..=1_024), Err(pictures::Refused::Unknown));
//! ```
//!
//! | item | what |
//! | --- | --- |
//! | [`read`] | the picture, or why it is none |
//! | [`Picture`] | its kind, its size, and the bytes to keep |
//!
//! | file | what |
//! | --- | --- |
//! | `bare.rs` | the parts of a file that are drawn, without the others |
//! | `whole.rs` | whether those parts are a picture, which is seen by drawing it |

mod bare;
#[cfg(test)]
mod tests;
mod whole;

use std::ops::RangeInclusive;

/// What kind of file a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PNG (ISO/IEC 15948).
    Png,
    /// JPEG (ITU-T T.81).
    Jpeg,
    /// WebP (RFC 9649).
    Webp,
}

impl Kind {
    /// The kind that the first bytes of a file tell.
    fn of(file: &[u8]) -> Option<Self> {
        if file.starts_with(bare::PNG) {
            Some(Self::Png)
        } else if file.starts_with(bare::JPEG) {
            Some(Self::Jpeg)
        } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            None
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What kind of file it is.
    pub kind: Kind,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The file, of nothing but what is drawn.
    pub bytes: Vec<u8>,
}

/// Why something is not a picture that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no file of a kind that is known here.
    #[error("must be a PNG, JPEG or WebP picture")]
    Unknown,
    /// It begins like one, and is cut off or damaged.
    #[error("must be a whole picture; it is cut off or damaged")]
    Broken,
    /// It moves.
    #[error("must not move")]
    Moving,
    /// A side is too short or too long.
    #[error("must have {fewest} to {most} pixels on each side, and has {width} by {height}")]
    Size {
        /// The fewest pixels of a side.
        fewest: u32,
        /// The most pixels of a side.
        most: u32,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
}

/// The picture that a file holds, with sides of so many pixels.
pub fn read(file: &[u8], sides: RangeInclusive<u32>) -> Result<Picture, Refused> {
    let kind = Kind::of(file).ok_or(Refused::Unknown)?;
    let bytes = match kind {
        Kind::Png => bare::png(file),
        Kind::Jpeg => bare::jpeg(file),
        Kind::Webp => bare::webp(file)?,
    };
    let bytes = bytes.ok_or(Refused::Broken)?;
    let (width, height) = whole::seen(kind, &bytes, &sides)?;
    Ok(Picture {
        kind,
        width,
        height,
        bytes,
    })
}

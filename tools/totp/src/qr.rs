//! The picture that carries an `otpauth` URI into the application. The rule: it is drawn here, as plain SVG without script,
//! style or reference, so that it can stand in a page of the strictest policy.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// The light margin, in modules (ISO/IEC 18004 wants four).
const QUIET: usize = 4;

/// More than a QR code holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is more than a QR code holds")]
pub struct QrError;

/// A text as a QR code: one SVG element, dark on light whatever the page's colours are, as large as its place.
pub fn qr_svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError)?;
    let width = code.width();
    let side = width + 2 * QUIET;
    let mut dark = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        while column < width {
            let run = modules[column..]
                .iter()
                .take_while(|colour| **colour == Color::Dark)
                .count();
            if run > 0 {
                let (x, y) = (column + QUIET, row + QUIET);
                write!(dark, "M{x} {y}h{run}v1h-{run}z").map_err(|_| QrError)?;
            }
            column += run.max(1);
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{dark}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_of_what_fits_and_nothing_else_is_in_it() {
        let svg = qr_svg("otpauth://totp/a:b?secret=AAAA").unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        for foreign in ["script", "style=", "href", "<?xml", "otpauth"] {
            assert!(!svg.contains(foreign), "{foreign}");
        }
        assert_eq!(qr_svg(&"x".repeat(5_000)), Err(QrError));
    }

    /// The modules that are drawn are those of the code.
    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/a:b?secret=AAAA";
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let dark = code
            .to_colors()
            .iter()
            .filter(|colour| **colour == Color::Dark)
            .count();
        let svg = qr_svg(text).unwrap();
        let path = svg.rsplit_once("d=\"").unwrap().1;
        let drawn: usize = path
            .split('M')
            .filter_map(|run| run.split_once('h')?.1.split_once('v')?.0.parse::<usize>().ok())
            .sum();
        assert_eq!(drawn, dark);
    }
}

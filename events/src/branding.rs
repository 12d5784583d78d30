//! The look and the words that a realm gives its hosted pages. The rule: a colour is one that can be read, wherever it came
//! from (WCAG 2.2, 1.4.3); and where a realm has one for light grounds only, or for dark ones, the other follows from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::languages::Language;

/// How a realm's hosted pages look, and what they say of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrandingSettings {
    /// What the pages call the realm; its display name, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The colour of buttons and links on light grounds, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// The same on dark grounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dark_colour: Option<String>,
    /// The logo, which is in a file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// What the pages say of the realm's own, by language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<Language, BrandingTexts>,
}

/// What pages say of a realm's own, in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrandingTexts {
    /// A line above the form of the sign-in page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub welcome: Option<String>,
    /// Where people find help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_url: Option<String>,
    /// What becomes of their data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_url: Option<String>,
    /// Under which terms they are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<String>,
}

/// A logo, as far as a page needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logo {
    /// The SHA-256 of the file, in hexadecimal digits.
    pub digest: String,
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub media_type: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// A colour (sRGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// The darkest of the light grounds of the pages that words stand on, and the lightest of the dark ones.
pub const LIGHT_GROUND: Colour = Colour([0xd3, 0xda, 0xd2]);
/// See [`LIGHT_GROUND`].
pub const DARK_GROUND: Colour = Colour([0x18, 0x21, 0x1e]);
/// The least contrast of words and their ground, in hundredths (WCAG 2.2, 1.4.3).
pub const LEAST_CONTRAST: u32 = 450;

impl Colour {
    /// White.
    pub const WHITE: Self = Self([0xff; 3]);
    /// Black: what is not read in white can be read in it.
    pub const INK: Self = Self([0; 3]);

    /// A colour as it is written: `#` and six hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// Its six hexadecimal digits.
    pub fn digits(self) -> String {
        let [red, green, blue] = self.0;
        format!("{red:02x}{green:02x}{blue:02x}")
    }

    /// Its relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast with another, from 1 to 21, in hundredths and rounded down (WCAG 2.2).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 100 and 2100"
    )]
    pub fn contrast(self, other: Self) -> u32 {
        let (one, other) = (self.luminance(), other.luminance());
        let (light, dark) = if one > other { (one, other) } else { (other, one) };
        ((light + 0.05) / (dark + 0.05) * 100.0 + 1e-9) as u32
    }

    /// White or black, whichever is read better on it.
    #[must_use]
    pub fn letters(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::INK) {
            Self::WHITE
        } else {
            Self::INK
        }
    }

    /// A fifth of the way to another.
    #[must_use]
    pub fn towards(self, other: Self) -> Self {
        let mut mixed = self.0;
        for (part, theirs) in mixed.iter_mut().zip(other.0) {
            let sum = u16::from(*part) * 4 + u16::from(theirs);
            *part = u8::try_from(sum / 5).unwrap_or(*part);
        }
        Self(mixed)
    }

    /// The colour nearest to this one, on the way to white or to black, that can be read on a ground.
    #[must_use]
    fn readable_on(self, ground: Self) -> Self {
        let end = ground.letters();
        let mut colour = self;
        while colour.contrast(ground) < LEAST_CONTRAST && colour != end {
            colour = match colour.towards(end) {
                // Nearer it does not come by fifths.
                same if same == colour => end,
                nearer => nearer,
            };
        }
        colour
    }
}

/// The colours of a realm's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// On light grounds.
    pub light: Colour,
    /// On dark grounds.
    pub dark: Colour,
}

impl Colours {
    /// The two, if they can be read where they stand.
    pub fn of(light: Colour, dark: Colour) -> Option<Self> {
        let readable =
            light.contrast(LIGHT_GROUND) >= LEAST_CONTRAST && dark.contrast(DARK_GROUND) >= LEAST_CONTRAST;
        readable.then_some(Self { light, dark })
    }
}

impl BrandingSettings {
    /// What people know the realm as: its name here, or else its display name.
    pub fn name_or<'a>(&'a self, display_name: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(display_name)
    }

    /// The colours, if the realm has any of its own.
    pub fn colours(&self) -> Option<Colours> {
        let colour = |text: &Option<String>| text.as_deref().and_then(Colour::parse);
        let (light, dark) = (colour(&self.colour), colour(&self.dark_colour));
        let (from, to) = (light.or(dark)?, dark.or(light)?);
        Colours::of(from.readable_on(LIGHT_GROUND), to.readable_on(DARK_GROUND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).expect("a colour")
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        assert_eq!(colour("#17593F"), Colour([0x17, 0x59, 0x3f]));
        assert_eq!(colour("#17593F").digits(), "17593f");
        for text in [
            "17593f", "#17593", "#17593f0", "#+7593f", "#17593g", "", "#日本", "red",
        ] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        // As the standard's own examples have it.
        assert_eq!(colour("#000000").contrast(Colour::WHITE), 2100);
        assert_eq!(Colour::WHITE.contrast(Colour::WHITE), 100);
        assert_eq!(colour("#777777").contrast(Colour::WHITE), 447);
        assert_eq!(colour("#767676").contrast(Colour::WHITE), 454);
        assert_eq!(Colour::WHITE.contrast(colour("#ff0000")), 399);
    }

    #[test]
    fn letters_on_any_colour_can_be_read() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let ground = Colour([red, green, blue]);
                    let contrast = ground.contrast(ground.letters());
                    assert!(contrast >= LEAST_CONTRAST, "{} {contrast}", ground.digits());
                }
            }
        }
    }

    #[test]
    fn a_mix_is_between_the_two() {
        let mixed = colour("#000000").towards(Colour::WHITE);
        assert_eq!(mixed.digits(), "333333");
        assert_eq!(Colour::WHITE.towards(Colour::WHITE), Colour::WHITE);
    }

    #[test]
    fn where_a_realm_has_one_colour_the_other_follows_from_it() {
        let colours = |light: Option<&str>, dark: Option<&str>| {
            let branding = BrandingSettings {
                colour: light.map(str::to_owned),
                dark_colour: dark.map(str::to_owned),
                ..BrandingSettings::default()
            };
            branding.colours()
        };
        assert_eq!(colours(None, None), None);
        let both = colours(Some("#7a1f5c"), Some("#f0b3d9")).unwrap();
        assert_eq!((both.light, both.dark), (colour("#7a1f5c"), colour("#f0b3d9")));
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let any = format!("#{}", Colour([red, green, blue]).digits());
                    for found in [colours(Some(&any), None), colours(None, Some(&any))] {
                        assert!(found.is_some(), "{any}");
                    }
                }
            }
        }
        assert_eq!(Colours::of(colour("#ffcc00"), colour("#ffcc00")), None);
        assert_eq!(Colours::of(colour("#17593f"), colour("#17593f")), None);
    }
}

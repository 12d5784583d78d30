//! What a realm adds to its pages: its name, colours, logo and words, each in the language of the page or else in the realm's own. The rule: an
//! address of a style sheet or a logo names all that it holds, so that browsers keep it for good.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use events::{
    branding::{BrandingSettings, BrandingTexts, Colour, Colours, Logo},
    languages::Language,
};

/// The look of a realm's pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The file name of the style sheet of its colours.
    pub colours: Option<String>,
    /// Its logo.
    pub logo: Option<Picture>,
    /// What it says of its own.
    pub texts: BrandingTexts,
}

/// A logo as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its file name.
    pub file: String,
    /// Its width in pixels, as it is shown.
    pub width: u32,
    /// Its height in pixels, as it is shown.
    pub height: u32,
}

/// The most pixels that a logo takes on a page.
const WIDE: u32 = 240;
const HIGH: u32 = 56;

impl Look {
    /// The look in a language; what is not said in it is said in the realm's own.
    pub fn of(branding: &BrandingSettings, language: Language, own: Language) -> Self {
        let empty = BrandingTexts::default();
        let said = |language| branding.texts.get(&language).unwrap_or(&empty);
        let (here, there) = (said(language), said(own));
        let either =
            |pick: fn(&BrandingTexts) -> &Option<String>| pick(here).clone().or_else(|| pick(there).clone());
        Self {
            colours: branding.colours().map(|colours| Sheet::of(colours).file),
            logo: branding.logo.as_ref().map(Picture::of),
            texts: BrandingTexts {
                welcome: either(|texts| &texts.welcome),
                support_url: either(|texts| &texts.support_url),
                privacy_url: either(|texts| &texts.privacy_url),
                terms_url: either(|texts| &texts.terms_url),
            },
        }
    }

    /// Whether there is a link to something of the realm's own.
    pub fn has_links(&self) -> bool {
        let texts = &self.texts;
        texts.support_url.is_some() || texts.privacy_url.is_some() || texts.terms_url.is_some()
    }
}

/// The style sheet of a realm's colours, and its file name. The name tells the colours, so that every node serves it whatever it knows of the
/// realm yet, and what the sheet makes of them, so that it is another one when that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Its file name: `colours-7a1f5c-f0b3d9-0123456789ab.css`.
    pub file: String,
    /// What it holds.
    pub css: String,
}

impl Sheet {
    fn of(colours: Colours) -> Self {
        let (light, dark) = (
            variables(colours.light, Colour::INK),
            variables(colours.dark, Colour::WHITE),
        );
        let css =
            format!(":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n");
        let digest = digest(&SHA256, css.as_bytes());
        let mut file = format!("colours-{}-{}-", colours.light.digits(), colours.dark.digits());
        for byte in &digest.as_ref()[..6] {
            let _ = write!(file, "{byte:02x}");
        }
        file.push_str(".css");
        Self { file, css }
    }

    /// The style sheet of a file name. It holds colours that can be read, and nothing else, whoever asks.
    pub fn named(file: &str) -> Option<Self> {
        let mut parts = file.strip_prefix("colours-")?.split('-');
        let mut colour = || Colour::parse(&format!("#{}", parts.next()?));
        let sheet = Self::of(Colours::of(colour()?, colour()?)?);
        (sheet.file == file).then_some(sheet)
    }
}

/// A colour in the variables of the pages' style sheet; what is pointed at is a fifth nearer to the ink of the page, and so read no worse.
fn variables(colour: Colour, ink: Colour) -> String {
    let deep = colour.towards(ink);
    format!(
        "--wax: #{0}; --focus: #{0}; --on-wax: #{1}; --wax-deep: #{2}; --on-wax-deep: #{3};",
        colour.digits(),
        colour.letters().digits(),
        deep.digits(),
        deep.letters().digits(),
    )
}

impl Picture {
    /// As large as it fits, and no larger than it is.
    pub fn of(logo: &Logo) -> Self {
        let (width, height) = (logo.width.max(1), logo.height.max(1));
        let (wide, high) = (width.min(WIDE), height.min(HIGH));
        let (width, height) = if wide * height <= high * width {
            (wide, (wide * height / width).max(1))
        } else {
            ((high * width / height).max(1), high)
        };
        let kind = logo.media_type.trim_start_matches("image/");
        Self {
            file: format!("logo-{}.{kind}", logo.digest),
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_sheet_is_told_by_its_name_and_holds_readable_colours_alone() {
        let branding = BrandingSettings {
            colour: Some("#7A1F5C".to_owned()),
            dark_colour: Some("#f0b3d9".to_owned()),
            ..BrandingSettings::default()
        };
        let look = Look::of(&branding, Language::English, Language::English);
        let file = look.colours.unwrap();
        let hash = file
            .strip_prefix("colours-7a1f5c-f0b3d9-")
            .and_then(|rest| rest.strip_suffix(".css"))
            .unwrap();
        let Sheet { css, .. } = Sheet::named(&file).unwrap();
        assert_eq!(
            css,
            ":root { --wax: #7a1f5c; --focus: #7a1f5c; --on-wax: #ffffff; --wax-deep: #611849; --on-wax-deep: #ffffff; }\n\
             @media (prefers-color-scheme: dark) { :root { --wax: #f0b3d9; --focus: #f0b3d9; --on-wax: #000000; --wax-deep: #f3c2e0; --on-wax-deep: #000000; } }\n"
        );
        for never in [
            "colours-7a1f5c-f0b3d9.css".to_owned(),
            "colours-7a1f5c-f0b3d9-000000000000.css".to_owned(),
            format!("colours-7A1F5C-f0b3d9-{hash}.css"),
            format!("colours-ffcc00-f0b3d9-{hash}.css"),
            format!("colours-7a1f5c-17593f-{hash}.css"),
            format!("colours-7a1f5c-f0b3d9-{hash}"),
            format!("colours-7a1f5c-f0b3d9-{hash}-{hash}.css"),
            format!("colours-7a1f5c;}}-f0b3d9-{hash}.css"),
            format!("../colours-7a1f5c-f0b3d9-{hash}.css"),
            "colours--.css".to_owned(),
            String::new(),
        ] {
            assert_eq!(Sheet::named(&never), None, "{never}");
        }
    }

    #[test]
    fn a_logo_is_shown_as_large_as_it_fits_and_keeps_its_shape() {
        let shown = |width, height| {
            let logo = Logo {
                digest: "00".to_owned(),
                media_type: "image/png".to_owned(),
                width,
                height,
            };
            let picture = Picture::of(&logo);
            assert_eq!(picture.file, "logo-00.png");
            (picture.width, picture.height)
        };
        assert_eq!(shown(64, 32), (64, 32));
        assert_eq!(shown(1_024, 1_024), (56, 56));
        assert_eq!(shown(960, 112), (240, 28));
        assert_eq!(shown(1_024, 16), (240, 3));
        assert_eq!(shown(16, 1_024), (1, 56));
    }

    #[test]
    fn what_is_not_said_in_a_language_is_said_in_the_realms_own() {
        let text = |welcome: Option<&str>, support: Option<&str>| BrandingTexts {
            welcome: welcome.map(str::to_owned),
            support_url: support.map(str::to_owned),
            ..BrandingTexts::default()
        };
        let branding = BrandingSettings {
            texts: [
                (
                    Language::German,
                    text(Some("Willkommen"), Some("https://acme.example/hilfe")),
                ),
                (Language::Chinese, text(Some("欢迎"), None)),
            ]
            .into(),
            ..BrandingSettings::default()
        };
        let said = |language| Look::of(&branding, language, Language::German).texts;
        assert_eq!(
            said(Language::Chinese),
            text(Some("欢迎"), Some("https://acme.example/hilfe"))
        );
        assert_eq!(said(Language::English), said(Language::German));
    }
}

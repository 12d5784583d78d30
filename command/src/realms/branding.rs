//! The look and the words of a realm's hosted pages. The rules: a colour that cannot be read on the grounds of the pages is refused, with its
//! contrast told (WCAG 2.2, 1.4.3); a link leads to an https page, or writes to an address; a logo is a picture of pixels by what it holds
//! and not by what it is called, whole, small in bytes and in pixels, and kept without anything that is not drawn ([`pictures`]).

use std::{collections::BTreeMap, fmt::Write, ops::RangeInclusive};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    branding::{BrandingSettings, BrandingTexts, Colour, DARK_GROUND, LEAST_CONTRAST, LIGHT_GROUND, Logo},
    files::{File, file_id},
    ids::RealmId,
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    languages::Language,
    realms::{RealmEvent, Settings, SettingsChange},
    subject::{Stream, Subject},
};
use pictures::Picture;
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Empty, Problem, actions};

use super::{Rejection, create::DISPLAY_NAME};
use crate::{
    Commands, Faults,
    body::{present, removable},
};

/// The most characters of a line of welcome.
const WELCOME: usize = 200;
/// The longest link.
const LINK: usize = 500;
/// The most bytes of a logo: a sign-in page with all that it loads stays below 50 kB.
const LOGO_BYTES: usize = 24 * 1024;
/// The fewest and most pixels of each side of a logo.
const LOGO_PIXELS: RangeInclusive<u32> = 16..=1_024;

/// The look and the words of the hosted pages; `null` takes something away.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandingPatch {
    /// What the pages call the realm (1 to 100 characters); its display name, where there is none.
    #[serde(default, deserialize_with = "removable")]
    pub name: Option<Option<String>>,
    /// The colour of buttons and links on light grounds, `#rrggbb`; at least 4.5:1 on `#d3dad2`.
    #[serde(default, deserialize_with = "removable")]
    pub colour: Option<Option<String>>,
    /// The same on dark grounds; at least 4.5:1 on `#18211e`.
    #[serde(default, deserialize_with = "removable")]
    pub dark_colour: Option<Option<String>>,
    /// What the pages say of the realm's own, by language, all of it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BTreeMap<String, BrandingWords>>)]
    pub texts: Option<BTreeMap<Language, BrandingWords>>,
}

/// What the pages say of the realm's own, in one language.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandingWords {
    /// A line above the form of the sign-in page (1 to 200 characters).
    #[serde(default, deserialize_with = "present")]
    pub welcome: Option<String>,
    /// Where people find help: an https address, or `mailto:`.
    #[serde(default, deserialize_with = "present")]
    pub support_url: Option<String>,
    /// What becomes of their data: an https address.
    #[serde(default, deserialize_with = "present")]
    pub privacy_url: Option<String>,
    /// Under which terms they are here: an https address.
    #[serde(default, deserialize_with = "present")]
    pub terms_url: Option<String>,
}

impl From<BrandingWords> for BrandingTexts {
    fn from(words: BrandingWords) -> Self {
        let BrandingWords {
            welcome,
            support_url,
            privacy_url,
            terms_url,
        } = words;
        Self {
            welcome,
            support_url,
            privacy_url,
            terms_url,
        }
    }
}

impl BrandingPatch {
    /// The branding with what is mentioned changed.
    pub(super) fn onto(&self, branding: &BrandingSettings) -> BrandingSettings {
        let mut branding = branding.clone();
        for (given, field) in [
            (&self.name, &mut branding.name),
            (&self.colour, &mut branding.colour),
            (&self.dark_colour, &mut branding.dark_colour),
        ] {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        if let Some(texts) = &self.texts {
            branding.texts = texts
                .iter()
                .map(|(language, words)| (*language, words.clone().into()))
                .collect();
        }
        branding
    }
}

/// Notes what cannot be shown to people.
pub(super) fn check(branding: &BrandingSettings, faults: &mut Faults) {
    faults.optional_text("branding.name", branding.name.as_deref(), DISPLAY_NAME);
    check_colour(
        "branding.colour",
        branding.colour.as_deref(),
        LIGHT_GROUND,
        faults,
    );
    check_colour(
        "branding.dark_colour",
        branding.dark_colour.as_deref(),
        DARK_GROUND,
        faults,
    );
    for (language, texts) in &branding.texts {
        let field = |name: &str| format!("branding.texts.{}.{name}", language.tag());
        faults.optional_text(&field("welcome"), texts.welcome.as_deref(), WELCOME);
        for (name, link, may_write) in [
            ("support_url", &texts.support_url, true),
            ("privacy_url", &texts.privacy_url, false),
            ("terms_url", &texts.terms_url, false),
        ] {
            if let Some(link) = link {
                check_link(&field(name), link, may_write, faults);
            }
        }
    }
}

fn check_colour(field: &str, colour: Option<&str>, ground: Colour, faults: &mut Faults) {
    let Some(text) = colour else { return };
    let Some(colour) = Colour::parse(text) else {
        faults.add(field, "must be # and six hexadecimal digits");
        return;
    };
    let contrast = colour.contrast(ground);
    faults.unless(
        contrast >= LEAST_CONTRAST,
        field,
        format!(
            "cannot be read: its contrast on #{} is {}:1, and must be at least {}:1",
            ground.digits(),
            hundredths(contrast),
            hundredths(LEAST_CONTRAST),
        ),
    );
}

fn hundredths(number: u32) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

fn check_link(field: &str, link: &str, may_write: bool, faults: &mut Faults) {
    let leads = Url::parse(link).is_ok_and(|url| match url.scheme() {
        "https" => url.has_host() && url.username().is_empty() && url.password().is_none(),
        "mailto" => may_write && url.path().contains('@') && url.query().is_none(),
        _ => false,
    });
    let visible = link.bytes().all(|byte| byte.is_ascii_graphic());
    faults.unless(
        leads && visible && link.len() <= LINK,
        field,
        if may_write {
            "must be an https address, or mailto: with one address, of at most 500 characters"
        } else {
            "must be an https address of at most 500 characters"
        },
    );
}

/// Gives a realm a logo, or takes it away.
#[derive(Clone, Debug)]
pub struct SetLogo {
    /// Whose.
    pub realm: RealmId,
    /// The picture, if it is to have one.
    pub picture: Option<Picture>,
}

/// The picture in a file, if it is one that pages show.
fn picture(file: &[u8]) -> Result<Picture, Faults> {
    let picture =
        pictures::read(file, LOGO_PIXELS).map_err(|refused| Faults::of("image", refused.to_string()))?;
    let bytes = picture.bytes.len();
    if bytes > LOGO_BYTES {
        let told = format!("must have at most {LOGO_BYTES} bytes, and has {bytes}");
        return Err(Faults::of("image", told));
    }
    Ok(picture)
}

/// What pages need to know of it.
fn logo(picture: &Picture) -> Logo {
    Logo {
        digest: hexadecimal(digest(&SHA256, &picture.bytes).as_ref()),
        media_type: picture.kind.media_type().to_owned(),
        width: picture.width,
        height: picture.height,
    }
}

/// What the file of a realm's logo holds.
pub async fn held(kernel: &Kernel, realm: RealmId, logo: &Logo) -> Result<Option<Vec<u8>>, KernelError> {
    let Some(id) = file_id(&logo.digest) else {
        return Ok(None);
    };
    let file = kernel.current::<File>(realm, id).await?.state;
    Ok(STANDARD
        .decode(&file.content)
        .ok()
        .filter(|bytes| !bytes.is_empty()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[async_trait::async_trait]
impl Decide for SetLogo {
    type State = (Settings, File);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        let settings = reader.subject::<Settings>(self.realm.0).await?.state;
        let id = self
            .picture
            .as_ref()
            .and_then(|picture| file_id(&logo(picture).digest));
        let file = match id {
            Some(id) => reader.subject::<File>(id).await?.state,
            None => File::default(),
        };
        Ok((settings, file))
    }

    fn decide(&self, (settings, file): &Self::State, _: &Context) -> Result<Decision, Rejection> {
        let subject = Subject::settings(self.realm);
        let logo = self.picture.as_ref().map(logo);
        let mut decision = Decision::nothing(subject);
        if logo == settings.branding.logo {
            return Ok(decision);
        }
        if let (Some(picture), Some(logo)) = (&self.picture, &logo)
            && let Some(id) = file_id(&logo.digest)
            && !file.exists()
        {
            let stored = RealmEvent::FileStored {
                digest: logo.digest.clone(),
                media_type: logo.media_type.clone(),
                content: STANDARD.encode(&picture.bytes),
            };
            decision = decision.and(Subject::file(id), stored);
        }
        let change = SettingsChange {
            branding: Some(Box::new(BrandingSettings {
                logo,
                ..settings.branding.clone()
            })),
            ..SettingsChange::default()
        };
        Ok(decision.and(subject, RealmEvent::SettingsChanged(change)))
    }
}

/// A logo to be shown on the hosted pages.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoBody {
    /// A PNG, JPEG or WebP picture in base64: at most 24 KiB without what is not drawn, 16 to 1,024 pixels on each side.
    image: String,
}

/// Give a realm a logo.
#[utoipa::path(
    put, path = "/command/v1/realms/{realm}/branding/logo", tag = "realms", operation_id = "set_logo",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = LogoBody,
    extensions(("x-events" = json!(["file.stored", "settings.changed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn set_logo(
    State(commands): State<Commands>,
    command: Command<actions::SettingsUpdate, LogoBody>,
) -> Result<Answer, Problem> {
    let Ok(file) = STANDARD.decode(&command.body.image) else {
        return Err(Faults::of("image", "must be base64").into());
    };
    let set = SetLogo {
        realm: command.realm.id,
        picture: Some(picture(&file)?),
    };
    commands.change(&command.context, &set).await
}

/// Take a realm's logo away.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/branding/logo", tag = "realms", operation_id = "remove_logo",
    params(("realm" = String, Path, description = "The realm's name or id")),
    extensions(("x-events" = json!(["settings.changed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn remove_logo(
    State(commands): State<Commands>,
    command: Command<actions::SettingsUpdate, Empty>,
) -> Result<Answer, Problem> {
    let remove = SetLogo {
        realm: command.realm.id,
        picture: None,
    };
    commands.change(&command.context, &remove).await
}

#[cfg(test)]
mod tests {
    use events::{event::Event, testing::context};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));

    /// A picture of 16 by 16 pixels.
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mOoko8hCTGMahjVMHw1AABfCfUB6UP8LgAAAABJRU5ErkJggg==";

    fn png() -> Picture {
        picture(&STANDARD.decode(PNG).unwrap()).unwrap()
    }

    fn faults(patch: Value) -> Vec<String> {
        let patch: BrandingPatch = serde_json::from_value(patch).unwrap();
        let mut faults = Faults::default();
        check(&patch.onto(&BrandingSettings::default()), &mut faults);
        match faults.into_result() {
            Ok(()) => Vec::new(),
            Err(faults) => faults.to_string().split("; ").map(str::to_owned).collect(),
        }
    }

    #[test]
    fn a_colour_that_cannot_be_read_is_refused_with_its_contrast() {
        assert_eq!(
            faults(json!({ "colour": "#17593f", "dark_colour": "#86d1b0" })),
            [""; 0]
        );
        assert_eq!(
            faults(json!({ "colour": "#ffcc00" })),
            [
                "branding.colour cannot be read: its contrast on #d3dad2 is 1.06:1, and must be at least 4.50:1"
            ]
        );
        assert_eq!(
            faults(json!({ "dark_colour": "#17593f" })),
            [
                "branding.dark_colour cannot be read: its contrast on #18211e is 1.98:1, and must be at least 4.50:1"
            ]
        );
        for text in ["red", "#fff", "#17593f;}", "#17593g"] {
            assert_eq!(
                faults(json!({ "colour": text })),
                ["branding.colour must be # and six hexadecimal digits"],
                "{text}"
            );
        }
    }

    #[test]
    fn a_link_leads_to_a_page_that_nobody_can_read_along_on() {
        let link = |name: &str, link: &str| faults(json!({ "texts": { "de": { name: link } } })).len();
        for good in ["https://acme.example/help?a=1", "mailto:help@acme.example"] {
            assert_eq!(link("support_url", good), 0, "{good}");
        }
        for bad in [
            "http://acme.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://user@acme.example/",
            "https:",
            "//acme.example",
            "mailto:",
            "mailto:a@b.example?body=x",
            "https://acme.example/ x",
            "https://acme.example/\u{202e}x",
            "",
        ] {
            assert_eq!(link("support_url", bad), 1, "{bad}");
            assert_eq!(link("privacy_url", bad), 1, "{bad}");
        }
        assert_eq!(link("terms_url", "mailto:help@acme.example"), 1);
        assert_eq!(link("welcome", "Hello\u{7}"), 1);
        assert_eq!(link("welcome", &"x".repeat(201)), 1);
    }

    #[test]
    fn what_is_not_mentioned_stays_and_null_takes_away() {
        let before = BrandingSettings {
            name: Some("Acme".to_owned()),
            colour: Some("#17593f".to_owned()),
            ..BrandingSettings::default()
        };
        let patch: BrandingPatch = serde_json::from_value(json!({ "colour": null })).unwrap();
        let after = patch.onto(&before);
        assert_eq!((after.name.as_deref(), after.colour), (Some("Acme"), None));
        assert!(serde_json::from_value::<BrandingPatch>(json!({ "texts": null })).is_err());
        assert!(serde_json::from_value::<BrandingPatch>(json!({ "texts": { "fr": {} } })).is_err());
        assert!(serde_json::from_value::<BrandingPatch>(json!({ "logo": {} })).is_err());
    }

    fn set(picture: Option<Picture>, settings: &Settings, file: File) -> Vec<Event> {
        let command = SetLogo { realm: ACME, picture };
        let decision = command.decide(&(settings.clone(), file), &context()).unwrap();
        decision.events.into_iter().map(|(_, event)| event).collect()
    }

    #[test]
    fn a_logo_is_stored_once_and_named_by_what_it_holds() {
        let events = set(Some(png()), &Settings::default(), File::default());
        let [
            Event::Realms(RealmEvent::FileStored { digest, content, .. }),
            Event::Realms(RealmEvent::SettingsChanged(change)),
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(STANDARD.decode(content).unwrap(), png().bytes);
        let branding = *change.branding.clone().unwrap();
        let logo = branding.logo.clone().unwrap();
        assert_eq!((&logo.digest, logo.width, logo.height), (digest, 16, 16));
        let held = File {
            media_type: "image/png".to_owned(),
            content: content.clone(),
        };
        let settings = Settings {
            branding,
            ..Settings::default()
        };
        assert_eq!(set(Some(png()), &settings, held.clone()), []);
        assert_eq!(set(None, &settings, File::default()).len(), 1);
        assert_eq!(set(Some(png()), &Settings::default(), held).len(), 1);
        assert_eq!(set(None, &Settings::default(), File::default()), []);
    }

    #[test]
    fn what_is_no_small_picture_is_refused() {
        for (file, why) in [
            (
                &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
                "PNG, JPEG or WebP",
            ),
            (b"\x89PNG\r\n\x1a\n", "cut off or damaged"),
            (b"", "PNG, JPEG or WebP"),
        ] {
            let told = picture(file).unwrap_err().to_string();
            assert!(
                told.starts_with("image must be a ") && told.contains(why),
                "{told}"
            );
        }
    }
}

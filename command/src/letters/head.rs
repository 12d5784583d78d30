//! In whose name a letter is written, and how it looks. The rule: the realm's branding is asked here, once for each letter: what is on its pages is
//! on its letters. A logo travels within the letter, so that opening it tells nobody.

use events::{branding::Colour, kernel::KernelError};
use web::{Edge, RealmRef};

use crate::{realms::branding, words::Picture};

/// The colour of letters of a realm that has none: that of the seal.
const WAX: Colour = Colour([0x17, 0x59, 0x3f]);

/// The head of a letter.
#[derive(Clone, Debug)]
pub struct Head {
    /// What people know the realm as.
    pub name: String,
    /// The name that the letter is from, if it may stand in a header.
    pub sender: Option<String>,
    /// The colour of its edge and of its button, and what is read on it, `#rrggbb`.
    pub colour: String,
    /// See `colour`.
    pub on_colour: String,
    /// The realm's logo.
    pub logo: Option<Logo>,
}

/// A logo as it stands in a letter.
#[derive(Clone, Debug)]
pub struct Logo {
    /// By what the letter names it within itself.
    pub cid: String,
    /// What it is.
    pub media_type: String,
    /// Its width and height, as they are shown.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// The picture.
    pub image: Vec<u8>,
}

impl Head {
    /// Of a realm without branding.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sender: Some(name.to_owned()).filter(|name| mailer::is_name(name)),
            colour: hexadecimal(WAX),
            on_colour: hexadecimal(WAX.letters()),
            logo: None,
        }
    }

    /// Of a realm as it is now.
    pub async fn of(edge: &Edge, realm: &RealmRef) -> Result<Self, KernelError> {
        let settings = edge.settings(realm.id).await?;
        let branding = &settings.branding;
        let mut head = Self::plain(branding.name_or(&realm.display_name));
        if let Some(name) = settings.mail.sender_name {
            head.sender = Some(name).filter(|name| mailer::is_name(name));
        }
        if let Some(colours) = branding.colours() {
            head.colour = hexadecimal(colours.light);
            head.on_colour = hexadecimal(colours.light.letters());
        }
        if let Some(logo) = &branding.logo
            && let Some(image) = branding::held(edge.kernel(), realm.id, logo).await?
        {
            let Picture { width, height, .. } = Picture::of(logo);
            head.logo = Some(Logo {
                cid: format!("logo-{}", logo.digest),
                media_type: logo.media_type.clone(),
                width,
                height,
                image,
            });
        }
        Ok(head)
    }
}

fn hexadecimal(colour: Colour) -> String {
    format!("#{}", colour.digits())
}

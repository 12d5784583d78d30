//! The small files of a realm: the one place that says how they are kept. The rules: a file is named by what it holds, so that it is kept
//! once and an address of it is good for ever; it stands in the log itself, and so wherever the log stands: on every engine and
//! node, in every backup, as of any moment, under its proofs. What is large (an export) has no place there.

use uuid::Uuid;

use crate::{
    event::{Event, Happened},
    fold::Fold,
    realms::RealmEvent,
    subject::SubjectKind,
};

/// The id of a file by its SHA-256 in hexadecimal digits, if they are such.
pub fn file_id(digest: &str) -> Option<Uuid> {
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let half = u128::from_str_radix(digest.get(..32)?, 16).ok()?;
    Some(uuid::Builder::from_custom_bytes(half.to_be_bytes()).into_uuid())
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub media_type: String,
    /// What it holds, in base64; empty if there is none.
    pub content: String,
}

impl File {
    /// Whether there is one.
    pub fn exists(&self) -> bool {
        !self.content.is_empty()
    }
}

impl Fold for File {
    const KIND: SubjectKind = SubjectKind::File;

    fn apply(&mut self, happened: &Happened) {
        if let Event::Realms(RealmEvent::FileStored {
            media_type, content, ..
        }) = &happened.event
        {
            self.media_type.clone_from(media_type);
            self.content.clone_from(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_what_it_holds() {
        let id = file_id(&"0f".repeat(32)).expect("an id");
        assert_eq!(id.to_string(), "0f0f0f0f-0f0f-8f0f-8f0f-0f0f0f0f0f0f");
        assert_ne!(file_id(&"f0".repeat(32)), Some(id));
        for never in ["", "0f", &"0g".repeat(32), &"+f".repeat(32), &"é".repeat(32)] {
            assert_eq!(file_id(never), None, "{never}");
        }
    }
}

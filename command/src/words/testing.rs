//! How the tests of pages speak.

use std::sync::LazyLock;

use events::languages::Language;

use super::Say;

/// In the name of a realm `Demo`.
pub fn say(language: Language) -> Say {
    Say {
        realm_name: Some("Demo".to_owned()),
        ..Say::nowhere("demo", language)
    }
}

/// The same in English, for as long as the tests run.
pub fn english() -> &'static Say {
    static ENGLISH: LazyLock<Say> = LazyLock::new(|| say(Language::English));
    &ENGLISH
}

/// In the name of a realm that has one text in every place.
pub fn everywhere(text: &str, language: Language) -> Say {
    Say {
        realm_name: Some(text.to_owned()),
        ..Say::nowhere(text, language)
    }
}

/// In the name of a realm that speaks no other language.
pub fn alone(language: Language) -> Say {
    Say {
        spoken: vec![language],
        ..say(language)
    }
}

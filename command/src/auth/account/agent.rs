//! A browser and its system in the words in which people know them. The rule: what is not known is not guessed at; nothing of the text
//! itself is repeated.

use crate::{auth::visit::Visit, words::Say};

/// What a `User-Agent` says of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// The browser.
    pub browser: Option<&'static str>,
    /// What it runs on.
    pub system: Option<&'static str>,
}

/// Each browser by what only it says of itself: most claim to be Chrome and Safari, too, so those come last.
const BROWSERS: [(&str, &str); 12] = [
    ("Edg", "Microsoft Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// Each system, the ones that others claim to be last.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

impl Agent {
    /// Of nothing that is known.
    pub const UNKNOWN: Self = Self {
        browser: None,
        system: None,
    };

    /// What a `User-Agent` says.
    pub fn of(user_agent: &str) -> Self {
        let known = |list: &[(&str, &'static str)]| {
            let found = list.iter().find(|(mark, _)| user_agent.contains(mark));
            found.map(|(_, name)| *name)
        };
        Self {
            browser: known(&BROWSERS),
            system: known(&SYSTEMS),
        }
    }

    /// In the words of a language.
    pub fn said(self, say: &Say) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => {
                let both = say.text("agent-on").with("name", browser);
                both.with("system", system).to_string()
            }
            (Some(browser), None) => browser.to_owned(),
            (None, Some(system)) => say.text("agent-system").with("system", system).to_string(),
            (None, None) => say.text("agent-unknown").to_string(),
        }
    }

    /// In words, for the record.
    pub fn words(self) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, Some(system)) => format!("A browser on {system}"),
            (None, None) => "A browser that is not known".to_owned(),
        }
    }
}

/// What the browser that sent a request says of itself.
pub fn agent_of(visit: &Visit) -> Agent {
    visit
        .network
        .user_agent
        .as_deref()
        .map_or(Agent::UNKNOWN, Agent::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_what_only_they_say() {
        for (user_agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Microsoft Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) nothing",
                "A browser on ChromeOS",
            ),
            ("curl/8.5.0", "curl"),
            ("<script>", "A browser that is not known"),
            ("", "A browser that is not known"),
        ] {
            assert_eq!(Agent::of(user_agent).words(), words, "{user_agent}");
        }
    }
}

//! Which request was which, by the id that answers and events name: so that an event is traced back to the call that caused it.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use reqwest::header::HeaderMap;
use url::Url;

static CARRIED: LazyLock<Mutex<HashMap<String, (String, String)>>> = LazyLock::new(Mutex::default);

/// Remembers an answered request: `asked` is its method and its address.
pub(super) fn note(asked: &str, answered: &HeaderMap) {
    let id = answered.get("x-request-id").and_then(|id| id.to_str().ok());
    let Some((id, (method, url))) = id.zip(asked.split_once(' ')) else {
        return;
    };
    if let Ok(url) = Url::parse(url) {
        let mut carried = CARRIED.lock().unwrap_or_else(PoisonError::into_inner);
        carried.insert(id.to_owned(), (method.to_owned(), url.path().to_owned()));
    }
}

/// The method and the path of a request of this process's tests.
pub fn carried(request: &str) -> Option<(String, String)> {
    let carried = CARRIED.lock().unwrap_or_else(PoisonError::into_inner);
    carried.get(request).cloned()
}

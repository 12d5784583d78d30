//! Single resources carry their version as `ETag`, and a caller that has it already gets 304 (RFC 9110, sections 8.8.3 and 13.1.2).
//! The rule: the tag is what `If-Match` of a command takes: the subject's version. Where an answer tells more than the version does
//! (what time ends, what is told of another subject), nobody is told that it did not change.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// Answers hold personal data: no cache keeps them, though a client may keep what it was given beside its tag.
pub const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// One resource of which its version tells everything, or 304 to those who have it.
pub fn single<T: Serialize>(request: &HeaderMap, version: u64, body: &T) -> Response {
    let tag = format!("\"{version}\"");
    if is_known(request, &tag) {
        (StatusCode::NOT_MODIFIED, headers(&tag)).into_response()
    } else {
        whole(version, body)
    }
}

/// One resource of which its version does not tell everything: the tag is for `If-Match`, and the answer is always whole.
pub fn whole<T: Serialize>(version: u64, body: &T) -> Response {
    (headers(&format!("\"{version}\"")), Json(body)).into_response()
}

fn headers(tag: &str) -> [(HeaderName, HeaderValue); 2] {
    let tag = HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static("\"0\""));
    [NO_STORE, (header::ETAG, tag)]
}

/// Whether `If-None-Match` names this tag. What cannot be read names nothing: the caller gets the whole answer.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(if_none_match: &[&'static str]) -> StatusCode {
        let mut request = HeaderMap::new();
        for value in if_none_match {
            request.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        let answer = single(&request, 3, &serde_json::json!({ "version": 3 }));
        assert_eq!(answer.headers()[header::ETAG], "\"3\"");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        answer.status()
    }

    #[test]
    fn whoever_has_this_version_is_not_sent_it_again() {
        assert_eq!(status(&[]), StatusCode::OK);
        assert_eq!(status(&["\"2\""]), StatusCode::OK);
        assert_eq!(status(&["3"]), StatusCode::OK);
        assert_eq!(status(&["\"3\""]), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&["W/\"3\""]), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&["\"1\", \"3\""]), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&["\"1\"", "\"3\""]), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&["*"]), StatusCode::NOT_MODIFIED);
    }
}

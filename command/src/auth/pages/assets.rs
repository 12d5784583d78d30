//! The files that the hosted pages load, built into the binary and served under `/realms/{realm}/assets/`.
//! Rule protected: a page loads nothing from anywhere else.

/// A file as it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// The file.
    pub body: &'static str,
}

/// The asset of that file name. They are the same in every realm, and are served even where there is no such
/// realm, so that an error page has its look and tells nothing by lacking it.
pub fn asset(name: &str) -> Option<Asset> {
    let (content_type, body) = match name {
        "chancery.css" => (
            "text/css; charset=utf-8",
            include_str!("../../../templates/chancery.css"),
        ),
        "check-session.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../../templates/check-session.js"),
        ),
        "signed-out.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../../templates/signed-out.js"),
        ),
        "form-post.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../../templates/form-post.js"),
        ),
        "passkey.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../../templates/passkey.js"),
        ),
        "seal.svg" => ("image/svg+xml", include_str!("../../../templates/seal.svg")),
        _ => return None,
    };
    Some(Asset { content_type, body })
}

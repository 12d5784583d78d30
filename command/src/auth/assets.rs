//! The files that the hosted pages load. The rule: a page loads nothing from anywhere else, and error pages
//! of realms that do not exist look like any other.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use events::branding::Logo;
use http::header;
use web::{Code, Problem};

use super::{Issuer, pages, visit::Call};
use crate::{realms::branding, words};

/// Browsers keep what is named by what it holds, for a year.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// A style sheet, script or image of the hosted pages.
#[utoipa::path(
    get, path = "/realms/{realm}/assets/{file}", tag = "pages", operation_id = "get_asset",
    params(
        ("realm" = String, Path, description = "Any realm: the files are the same"),
        ("file" = String, Path, description = "Its name"),
    ),
    responses((status = 200, description = "The file"), (status = 404, description = "There is none of this name")),
)]
pub(super) async fn asset(Path((_realm, file)): Path<(String, String)>) -> Result<Response, Problem> {
    if let Some(sheet) = words::Sheet::named(&file) {
        let headers = [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, FOR_GOOD),
        ];
        return Ok((headers, sheet.css).into_response());
    }
    let asset = pages::asset(&file).ok_or_else(|| Problem::new(Code::NotFound))?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((headers, asset.body).into_response())
}

/// A realm's logo. A picture is served as the picture that it is, by what it holds, and may do nothing where it is opened by itself.
#[utoipa::path(
    get, path = "/realms/{realm}/branding/{file}", tag = "pages", operation_id = "get_logo",
    params(Issuer, ("file" = String, Path, description = "Its name, as the pages have it")),
    responses((status = 200, description = "The picture"), (status = 404, description = "The realm has no such logo")),
)]
pub(super) async fn logo(
    Call(visit): Call,
    Path((_realm, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let settings = visit.edge.settings(visit.realm.id).await?;
    // No other than the one that it has: what was taken away is gone.
    let named = |logo: &Logo| words::Picture::of(logo).file == file;
    let logo = settings.branding.logo.filter(named).ok_or_else(missing)?;
    let held = branding::held(visit.edge.kernel(), visit.realm.id, &logo).await?;
    let image = held.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, logo.media_type.as_str()),
        (header::CACHE_CONTROL, FOR_GOOD),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, image).into_response())
}

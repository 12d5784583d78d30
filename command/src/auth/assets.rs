//! The files that the hosted pages load. The rule: a page loads nothing from anywhere else, and error pages
//! of realms that do not exist look like any other.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::header;
use web::{Code, Problem};

use super::pages;

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
    let asset = pages::asset(&file).ok_or_else(|| Problem::new(Code::NotFound))?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((headers, asset.body).into_response())
}

//! Path parameters: an id that cannot be one is a missing one (404), never a malformed request.

use axum::{
    extract::{FromRequestParts, Path as AxumPath},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{Code, Problem};

/// The parameters of the path, in order (a tuple) or by name (a struct).
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::<T>::from_request_parts(parts, state).await {
            Ok(AxumPath(values)) => Ok(Self(values)),
            Err(_) => Err(Problem::new(Code::NotFound)),
        }
    }
}

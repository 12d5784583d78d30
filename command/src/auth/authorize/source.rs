//! Where the parameters of an authorization request are: beside one another, in a request object, or pushed
//! before (RFC 9101, section 5; RFC 9126, section 4). The rule: they are in one place, and what stands
//! elsewhere does not count.

use events::{applications::Application, ids::ApplicationId, kernel::KernelError};
use web::{Requirements, form::Form};

use super::{
    object, pushed,
    request::{Origin, Refusal, invalid},
};
use crate::auth::visit::Visit;

/// Why there are no parameters.
pub(super) enum Unusable {
    /// They are not good.
    Refused(Refusal),
    /// That could not be known.
    Kernel(KernelError),
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<KernelError> for Unusable {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

/// The parameters that count, and how they came.
pub(super) async fn resolve(
    visit: &Visit,
    client: ApplicationId,
    application: &Application,
    required: &Requirements,
    form: &Form,
) -> Result<(Form, Origin), Unusable> {
    match (form.given("request"), form.given("request_uri")) {
        (None, None) => Ok((form.clone(), Origin::default())),
        (Some(_), Some(_)) => Ok(invalid("request and request_uri exclude one another")?),
        (Some(request), None) => Ok(object::read(visit, application, required, form, request).await?),
        (None, Some(uri)) => {
            let Some(sealed) = uri.strip_prefix(pushed::PREFIX) else {
                let fetched = object::fetch(visit, application, uri).await?;
                return Ok(object::read(visit, application, required, form, &fetched).await?);
            };
            let over = Refusal {
                error: "invalid_request_uri",
                description: "request_uri is over, was altered, or is another application's",
            };
            let opened = pushed::open(visit, client, sealed).await?;
            opened.ok_or(Unusable::Refused(over))
        }
    }
}

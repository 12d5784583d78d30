//! What every read of the management API goes through, in this order: who asks and may they, are the parameters in order, are the read
//! models as new as asked for.
//! The rule: nothing is said about parameters or positions to a caller who may not read what they are about.

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, request::Parts};
use serde::{Deserialize, de::DeserializeOwned};
use web::{Access, Action, Code, Edge, Path, Problem, RealmRef, form::Form};

use crate::{
    Queries,
    params::{FromParameters, Parameters},
    position,
};

/// A read that may be answered: by a caller allowed to do `A`, with parameters `P`.
pub struct Read<A: Action, P: FromParameters = ()> {
    /// The realm that is asked about.
    pub access: Access<A>,
    /// What the query string says.
    pub parameters: P,
    /// The filter as one text, for page tokens.
    pub filter: String,
    /// The request's headers, for conditional answers.
    pub headers: HeaderMap,
}

impl<A: Action, P: FromParameters> Read<A, P> {
    /// The realm that is asked about.
    pub fn realm(&self) -> &RealmRef {
        &self.access.realm
    }
}

impl<A, P> FromRequestParts<Queries> for Read<A, P>
where
    A: Action + Send + Sync + 'static,
    P: FromParameters + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, queries: &Queries) -> Result<Self, Problem> {
        let access = Access::<A>::from_request_parts(parts, queries).await?;
        let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
        let (values, filter, position) = {
            let mut parameters = Parameters::new(&form);
            let values = P::from_parameters(&mut parameters);
            let position = position::requested(&parts.headers, &mut parameters);
            let incarnation = Edge::from_ref(queries).kernel().log().incarnation();
            if let Some(asked) = &position
                && let Some(reason) = position::objection(&asked.position, incarnation, access.realm.id)
            {
                asked.refuse(&mut parameters, reason);
            }
            let filter = parameters.filter();
            parameters.finish()?;
            (values, filter, position)
        };
        if let Some(position) = position {
            position::reach(&queries.reads, &position).await?;
        }
        Ok(Self {
            access,
            parameters: values,
            filter,
            headers: parts.headers.clone(),
        })
    }
}

/// The `id` of the path. One that cannot be an id is a missing one.
pub struct Id<T>(pub T);

/// As the path names it.
#[derive(Deserialize)]
struct Named<T> {
    id: T,
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(Named { id }) = Path::<Named<T>>::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// What is not there, or not in this realm, or not to be seen: one answer for all.
pub fn missing() -> Problem {
    Problem::new(Code::NotFound)
}

//! Identity providers, as they are read. The rule: the secret that one gave the realm is shown to nobody; when it was set is.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    identity_providers::{AnswerMode, ClaimMapping, ClientAuthentication, EmailTrust, Linking, SignUp},
    ids::IdentityProviderId,
};
use projections::identity_providers::{self, IdentityProviderRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::{NO_STORE, single},
    failure::{unknowable, unreadable},
    paging::{Page, Pages, Paging, one_more},
    params::AsOf,
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_identity_providers))
        .routes(routes!(get_identity_provider))
}

/// Somebody else whose sign-ins a realm takes.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityProvider {
    /// Its id.
    id: Uuid,
    /// Its name in addresses.
    #[schema(example = "google")]
    alias: String,
    /// Its issuer identifier.
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// What people know it as.
    display_name: String,
    /// The realm's `client_id` there.
    client_id: String,
    /// `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    #[schema(value_type = String, example = "client_secret_basic")]
    client_authentication: ClientAuthentication,
    /// When the client secret was set; `null` if there is none.
    secret_set_at: Option<Moment>,
    /// How the answer comes back: `query` or `form_post`.
    #[schema(value_type = String, example = "query")]
    answer_mode: AnswerMode,
    /// The scopes that are asked for besides `openid`.
    scopes: Vec<String>,
    /// Which claim fills which field of a profile; `null` for none.
    claims: BTreeMap<String, Option<String>>,
    /// Whether the userinfo endpoint is asked, too.
    userinfo: bool,
    /// What becomes of who has the confirmed address of a user: `prove`, `verified_email` or `never`.
    #[schema(value_type = String, example = "prove")]
    linking: Linking,
    /// What becomes of who is new: `known_only` or `create`.
    #[schema(value_type = String, example = "create")]
    sign_up: SignUp,
    /// When its addresses count as confirmed: `as_told`, `always` or `never`.
    #[schema(value_type = String, example = "as_told")]
    email_trust: EmailTrust,
    /// Values of `acr` by which it says that several factors were shown, and is believed.
    multi_factor_acr: Vec<String>,
    /// The same for values of `amr`.
    multi_factor_amr: Vec<String>,
    /// The applications for whose sign-ins it counts; for all, and the realm's own pages, if empty.
    applications: Vec<Uuid>,
    /// `active` or `disabled`.
    #[schema(example = "active")]
    status: &'static str,
    /// When it was registered.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
    /// Its version.
    version: u64,
}

/// The fields of a profile, as the command that changes them names them.
fn fields(claims: ClaimMapping) -> BTreeMap<String, Option<String>> {
    let attributes = claims.attributes.into_iter();
    let attributes = attributes.map(|(name, claim)| (format!("attributes.{name}"), Some(claim)));
    [
        ("username", claims.username),
        ("email", claims.email),
        ("name", claims.name),
        ("given_name", claims.given_name),
        ("family_name", claims.family_name),
        ("locale", claims.locale),
        ("zoneinfo", claims.zoneinfo),
    ]
    .into_iter()
    .map(|(field, claim)| (field.to_owned(), claim))
    .chain(attributes)
    .collect()
}

impl From<IdentityProviderRow> for IdentityProvider {
    fn from(row: IdentityProviderRow) -> Self {
        let settings = row.settings;
        Self {
            id: row.id.0,
            alias: row.alias,
            issuer: row.issuer,
            display_name: settings.display_name,
            client_id: settings.client_id,
            client_authentication: settings.client_authentication,
            secret_set_at: row.secret_set_at.map(Moment),
            answer_mode: settings.answer_mode,
            scopes: settings.scopes,
            claims: fields(settings.claims),
            userinfo: settings.userinfo,
            linking: settings.linking,
            sign_up: settings.sign_up,
            email_trust: settings.email_trust,
            multi_factor_acr: settings.multi_factor_acr,
            multi_factor_amr: settings.multi_factor_amr,
            applications: settings.applications.iter().map(|id| id.0).collect(),
            status: if row.disabled { "disabled" } else { "active" },
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            version: row.version,
        }
    }
}

/// The identity providers of a realm, in the order of their registration.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/identity-providers",
    tag = "identity_providers",
    params(InRealm, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of identity providers", body = Page<IdentityProvider>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_identity_providers(
    State(queries): State<Queries>,
    read: Read<actions::IdentityProvidersRead, Paging>,
) -> Result<Response, Problem> {
    let (realm, paging) = (read.realm().id, &read.parameters);
    let pages = Pages::new(&queries.edge, realm, "identity-providers", &read.filter);
    let after = pages
        .start::<IdentityProviderId>(paging.page_token.as_deref())
        .await?;
    let rows = identity_providers::list(&queries.reads, realm, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.id, IdentityProvider::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// An identity provider, now or as it was.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/identity-providers/{id}",
    tag = "identity_providers",
    params(ById, AsOf, AtLeast),
    responses(
        (status = 200, description = "The identity provider", body = IdentityProvider),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_identity_provider(
    State(queries): State<Queries>,
    read: Read<actions::IdentityProvidersRead, AsOf>,
    Id(id): Id<IdentityProviderId>,
) -> Result<Response, Problem> {
    let (kernel, realm) = (queries.edge.kernel(), read.realm().id);
    let row = match read.parameters.moment(kernel.now())? {
        Some(moment) => identity_providers::as_of(kernel, realm, id, moment)
            .await
            .map_err(unknowable)?,
        None => identity_providers::get(&queries.reads, realm, id)
            .await
            .map_err(unreadable)?,
    };
    let provider = IdentityProvider::from(row.ok_or_else(missing)?);
    Ok(single(&read.headers, provider.version, &provider))
}

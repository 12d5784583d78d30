//! Applications and the dates of their secrets, as they are read.
//! The rule: a secret is shown once, by the command that made it; here there is not even its digest.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{application_settings, applications::ApplicationType, ids::ApplicationId};
use projections::applications::{self, ApplicationFilter, ApplicationRow, Secret};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::{NO_STORE, single},
    failure::{unknowable, unreadable},
    paging::{Page, Pages, Paging, one_more},
    params::{AsOf, FromParameters, Parameters},
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_applications))
        .routes(routes!(get_application))
        .routes(routes!(list_secrets))
}

macro_rules! shown {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident: $plain_type:ty,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* }
    ) => {
        /// An application (OAuth client). What is `null` follows the realm's settings, or the default of its type.
        #[derive(Debug, Serialize, ToSchema)]
        struct Application {
            /// Its id.
            id: Uuid,
            /// Its `client_id`.
            client_id: String,
            /// `web`, `spa`, `native`, `service` or `device`.
            #[serde(rename = "type")]
            #[schema(example = "web")]
            kind: &'static str,
            $($(#[$plain_doc])* $plain: $plain_type,)*
            $($(#[$optional_doc])* $optional: Option<$optional_type>,)*
            /// `active` or `disabled`.
            #[schema(example = "active")]
            status: &'static str,
            /// Its secrets, oldest first, without the secrets themselves.
            secrets: Vec<ClientSecret>,
            /// When it was registered.
            created_at: Moment,
            /// When it last changed.
            updated_at: Moment,
            /// Its version, as `If-Match` takes it.
            version: u64,
        }

        impl From<ApplicationRow> for Application {
            fn from(row: ApplicationRow) -> Self {
                Self {
                    id: row.id.0,
                    client_id: row.client_id,
                    kind: row.application_type.map_or("", ApplicationType::as_str),
                    $($plain: row.settings.$plain,)*
                    $($optional: row.settings.$optional,)*
                    status: if row.disabled { "disabled" } else { "active" },
                    secrets: row.secrets.into_iter().map(ClientSecret::from).collect(),
                    created_at: row.created_at.into(),
                    updated_at: row.updated_at.into(),
                    version: row.version,
                }
            }
        }
    };
}

application_settings!(shown);

/// A client secret, of which only the dates are known.
#[derive(Debug, Serialize, ToSchema)]
struct ClientSecret {
    /// Its id.
    id: Uuid,
    /// When it was added.
    created_at: Moment,
    /// When it ends; `null` if it does not by itself.
    expires_at: Option<Moment>,
}

impl From<Secret> for ClientSecret {
    fn from(secret: Secret) -> Self {
        Self {
            id: secret.id.0,
            created_at: secret.created_at.into(),
            expires_at: secret.expires_at.map(Moment),
        }
    }
}

/// Which applications. Filters that stand side by side all hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ApplicationSearch {
    /// Only applications with this in their name.
    q: Option<String>,
    /// Only the application with this `client_id`.
    client_id: Option<String>,
    /// Only applications of this type: `web`, `spa`, `native`, `service` or `device`.
    #[param(rename = "type", value_type = Option<String>, example = "web")]
    application_type: Option<ApplicationType>,
    /// Only applications that are `active` or `disabled`.
    #[param(rename = "status", value_type = Option<String>, example = "active")]
    disabled: Option<bool>,
}

impl FromParameters for ApplicationSearch {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        let types = [
            ApplicationType::Web,
            ApplicationType::Spa,
            ApplicationType::Native,
            ApplicationType::Service,
            ApplicationType::Device,
        ]
        .map(|application_type| (application_type.as_str(), application_type));
        Self {
            q: parameters.text("q"),
            client_id: parameters.text("client_id"),
            application_type: parameters.one_of("type", &types),
            disabled: parameters.one_of("status", &[("active", false), ("disabled", true)]),
        }
    }
}

/// The applications of a realm, in the order of their registration.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/applications",
    tag = "applications",
    params(InRealm, ApplicationSearch, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of applications", body = Page<Application>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_applications(
    State(queries): State<Queries>,
    read: Read<actions::ApplicationsRead, (ApplicationSearch, Paging)>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    let (
        ApplicationSearch {
            q,
            client_id,
            application_type,
            disabled,
        },
        paging,
    ) = &read.parameters;
    let filter = ApplicationFilter {
        query: q.clone(),
        client_id: client_id.clone(),
        application_type: *application_type,
        disabled: *disabled,
    };
    let pages = Pages::new(&queries.edge, realm, "applications", &read.filter);
    let after = pages.start::<ApplicationId>(paging.page_token.as_deref()).await?;
    let rows = applications::list(&queries.reads, realm, &filter, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.id, Application::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// An application, now or as it was.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/applications/{id}",
    tag = "applications",
    params(ById, AsOf, AtLeast),
    responses(
        (status = 200, description = "The application", body = Application),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_application(
    State(queries): State<Queries>,
    read: Read<actions::ApplicationsRead, AsOf>,
    Id(id): Id<ApplicationId>,
) -> Result<Response, Problem> {
    let (kernel, realm) = (queries.edge.kernel(), read.realm().id);
    let row = match read.parameters.moment(kernel.now())? {
        Some(moment) => applications::as_of(kernel, realm, id, moment)
            .await
            .map_err(unknowable)?,
        None => applications::get(&queries.reads, realm, id)
            .await
            .map_err(unreadable)?,
    };
    let application = Application::from(row.ok_or_else(missing)?);
    Ok(single(&read.headers, application.version, &application))
}

/// The secrets of an application, oldest first, without the secrets themselves.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/applications/{id}/secrets",
    tag = "applications",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of secrets", body = Page<ClientSecret>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_secrets(
    State(queries): State<Queries>,
    read: Read<actions::ApplicationsRead, Paging>,
    Id(id): Id<ApplicationId>,
) -> Result<Response, Problem> {
    let (realm, paging) = (read.realm().id, &read.parameters);
    let secrets = applications::secrets(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?
        .ok_or_else(missing)?;
    let pages = Pages::new(
        &queries.edge,
        realm,
        &format!("applications/{id}/secrets"),
        &read.filter,
    );
    let page = pages
        .page_of_all(secrets, paging, |secret| secret.id, ClientSecret::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

#[cfg(test)]
mod tests {
    use events::{
        applications::ApplicationSettings,
        clock::Timestamp,
        ids::{CredentialId, RealmId},
    };

    use serde_json::Value;

    use super::*;
    use crate::params::assert_described;

    #[test]
    fn an_application_is_written_with_the_names_of_the_commands_and_without_its_secrets() {
        let row = ApplicationRow {
            realm: RealmId::SYSTEM,
            id: ApplicationId(Uuid::from_u128(7)),
            client_id: "orders".to_owned(),
            application_type: Some(ApplicationType::Web),
            search: "orders".to_owned(),
            settings: ApplicationSettings {
                name: "Orders".to_owned(),
                ..ApplicationSettings::default()
            },
            secrets: vec![Secret {
                id: CredentialId(Uuid::from_u128(8)),
                created_at: Timestamp::from_seconds(1),
                expires_at: None,
            }],
            disabled: false,
            created_at: Timestamp::from_seconds(1),
            updated_at: Timestamp::from_seconds(1),
            version: 2,
        };
        let shown = serde_json::to_value(Application::from(row)).unwrap();
        assert_eq!(shown["type"], "web");
        assert_eq!(shown["status"], "active");
        assert_eq!(shown["access_token_seconds"], Value::Null);
        let secret = serde_json::json!({
            "id": Uuid::from_u128(8), "created_at": "1970-01-01T00:00:01Z", "expires_at": null,
        });
        assert_eq!(shown["secrets"], serde_json::json!([secret]));
        assert_described::<ApplicationSearch>();
    }
}

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    applications::{ApplicationEvent, ApplicationSettings, ApplicationType},
    envelope::Actor,
    event::Event,
    ids::CredentialId,
    kernel::{Claim, Decide, Decision, Reader},
    sealing::Sealed,
    subject::{Stream, Subject},
};
use http::{HeaderValue, StatusCode, header};

use super::*;
use crate::testing::{NOW, OTHER_REALM, REALM, World, realm};

const SECRET: &str = "s3cret + more%";

/// Puts events of an application into the log, whatever they say.
struct Put(ApplicationId, Vec<ApplicationEvent>, Option<&'static str>);

#[async_trait]
impl Decide for Put {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<Application>(self.0.0).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let subject = Subject::application(self.0);
        let mut decision = Decision::nothing(subject);
        for event in &self.1 {
            decision = decision.and(subject, event.clone());
        }
        if let Some(client_id) = self.2 {
            let (kind, value) = (ClaimKind::ClientId, client_id.to_owned());
            decision = decision.claiming(Claim::Hold {
                kind,
                value,
                holder: self.0.0,
            });
        }
        Ok(decision)
    }
}

impl World {
    pub(super) fn context(&self) -> Context {
        self.kernel.context(Actor::component("test"))
    }

    pub(super) async fn put(
        &self,
        id: ApplicationId,
        events: Vec<ApplicationEvent>,
        client_id: Option<&'static str>,
    ) {
        self.kernel
            .execute(&self.context(), &Put(id, events, client_id))
            .await
            .unwrap();
    }

    async fn register(
        &self,
        application_type: ApplicationType,
        client_id: Option<&'static str>,
    ) -> ApplicationId {
        let id = ApplicationId(self.kernel.new_id());
        let registered = ApplicationEvent::Registered {
            client_id: client_id.map_or_else(|| id.to_string(), str::to_owned),
            application_type,
            settings: Box::new(ApplicationSettings::default()),
        };
        self.put(id, vec![registered], client_id).await;
        id
    }

    async fn add_secret(&self, id: ApplicationId, secret: &str, expires: Option<Timestamp>) -> CredentialId {
        let credential = CredentialId(self.kernel.new_id());
        let digest = secret_digest(&self.kernel, REALM, secret).await.unwrap();
        self.put(
            id,
            vec![ApplicationEvent::SecretAdded {
                credential,
                digest: Sealed::Known(digest),
                secret: None,
                expires,
            }],
            None,
        )
        .await;
        credential
    }

    /// A web application with one secret.
    async fn web(&self) -> ApplicationId {
        let id = self.register(ApplicationType::Web, None).await;
        self.add_secret(id, SECRET, None).await;
        id
    }

    pub(super) async fn try_as(&self, headers: &HeaderMap, form: &str) -> Result<Client, OAuthError> {
        let form = Form::parse(form.as_bytes()).unwrap();
        authenticate(
            &self.edge(),
            &realm(REALM),
            "token",
            headers,
            &form,
            &self.context(),
        )
        .await
    }

    pub(super) async fn refused(&self, headers: &HeaderMap, form: &str) -> &'static str {
        self.try_as(headers, form).await.unwrap_err().error()
    }

    /// The applications for which a failure is on the record.
    pub(super) async fn failures(&self) -> Vec<ApplicationId> {
        let mut failures = Vec::new();
        for recorded in self
            .kernel
            .log()
            .read(Stream::activity(REALM), 0, 100)
            .await
            .unwrap()
        {
            let Event::Auth(AuthEvent::ClientAuthenticationFailed { client }) =
                self.kernel.decode(&recorded).await.unwrap().event
            else {
                panic!("nothing else is recorded");
            };
            failures.push(client);
        }
        failures
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(super) fn post(client_id: &str, secret: &str) -> String {
    format!(
        "grant_type=x&client_id={}&client_secret={}",
        encoded(client_id),
        encoded(secret)
    )
}

pub(super) fn authorization(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

pub(super) fn basic_of(client_id: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret)))
    )
}

fn none() -> HeaderMap {
    HeaderMap::new()
}

#[tokio::test]
async fn a_confidential_one_shows_its_secret_in_the_header_or_in_the_form() {
    let world = World::new().await;
    let id = world.web().await;
    let name = id.to_string();
    let basic = authorization(&[&basic_of(&name, SECRET)]);
    for (headers, form) in [
        (basic.clone(), "grant_type=x".to_owned()),
        (basic, format!("client_id={name}&client_secret=")),
        (
            authorization(&[&basic_of(&name, SECRET).replace("Basic", "bAsIc")]),
            String::new(),
        ),
        (none(), post(&name, SECRET)),
    ] {
        let client = world.try_as(&headers, &form).await.unwrap();
        assert_eq!((client.id, client.confidential), (id, true));
        assert_eq!(client.state.client_id, name);
    }
    assert_eq!(world.failures().await, []);
}

#[tokio::test]
async fn a_public_one_says_who_it_is_and_has_no_secret() {
    let world = World::new().await;
    for application_type in [ApplicationType::Spa, ApplicationType::Native] {
        let id = world.register(application_type, None).await;
        let name = id.to_string();
        let client = world.try_as(&none(), &format!("client_id={name}")).await.unwrap();
        assert_eq!((client.id, client.confidential), (id, false));
        assert_eq!(
            world.refused(&none(), &post(&name, "anything")).await,
            "invalid_client"
        );
        for secret in ["", "anything"] {
            assert_eq!(
                world
                    .refused(&authorization(&[&basic_of(&name, secret)]), "")
                    .await,
                "invalid_client"
            );
        }
    }
}

#[tokio::test]
async fn a_confidential_one_cannot_pass_for_a_public_one() {
    let world = World::new().await;
    let id = world.web().await;
    let name = id.to_string();
    for form in [
        format!("client_id={name}"),
        format!("client_id={name}&client_secret="),
    ] {
        assert_eq!(world.refused(&none(), &form).await, "invalid_client");
    }
    assert_eq!(
        world.refused(&authorization(&[&basic_of(&name, "")]), "").await,
        "invalid_client"
    );
    assert_eq!(world.failures().await, [id, id, id]);
}

#[tokio::test]
async fn an_unknown_a_disabled_and_a_wrong_one_are_answered_alike() {
    let world = World::new().await;
    let wrong = world.web().await;
    let disabled = world.web().await;
    world
        .put(disabled, vec![ApplicationEvent::Disabled { reason: None }], None)
        .await;
    let unknown = ApplicationId(world.kernel.new_id());
    let mut answers = Vec::new();
    for (id, secret) in [(wrong, "wrong"), (disabled, SECRET), (unknown, SECRET)] {
        answers.push(
            world
                .try_as(&none(), &post(&id.to_string(), secret))
                .await
                .unwrap_err(),
        );
    }
    assert_eq!(answers[0].status(), StatusCode::UNAUTHORIZED);
    assert!(
        answers
            .iter()
            .all(|answer| *answer == OAuthError::invalid_client())
    );
    assert_eq!(
        world.failures().await,
        [wrong, disabled],
        "only what exists is on the record"
    );

    world
        .put(disabled, vec![ApplicationEvent::Enabled {}], None)
        .await;
    assert!(
        world
            .try_as(&none(), &post(&disabled.to_string(), SECRET))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn methods_are_not_mixed() {
    let world = World::new().await;
    let id = world.web().await;
    let other = world.web().await;
    let name = id.to_string();
    let basic = basic_of(&name, SECRET);
    for (headers, form) in [
        (authorization(&[&basic]), post(&name, SECRET)),
        (authorization(&[&basic, &basic]), String::new()),
        (authorization(&[&basic]), format!("client_id={other}")),
        (
            authorization(&[&basic]),
            "client_assertion=x&client_assertion_type=y".to_owned(),
        ),
        (none(), format!("{}&client_assertion_type=x", post(&name, SECRET))),
    ] {
        assert_eq!(world.refused(&headers, &form).await, "invalid_request", "{form}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_refused() {
    let world = World::new().await;
    let id = world.web().await;
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
    for value in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic ===".to_owned(),
        format!("Bearer {}", STANDARD.encode(format!("{id}:{SECRET}"))),
        encoded(&id.to_string()),
        encoded(":secret"),
        encoded(&format!("{id}:%zz")),
        encoded(&format!("{id}:{SECRET}")),
        format!("{} ", basic_of(&id.to_string(), SECRET)).replace("Basic ", "Basic  "),
    ] {
        assert_eq!(
            world.refused(&authorization(&[&value]), "").await,
            "invalid_client",
            "{value}"
        );
    }
    for form in ["", "client_id=", "client_secret=x"] {
        assert_eq!(world.refused(&none(), form).await, "invalid_client", "{form}");
    }
}

#[tokio::test]
async fn each_secret_counts_until_it_ends_or_is_withdrawn() {
    let world = World::new().await;
    let id = world.web().await;
    world
        .add_secret(id, "for a minute", Some(NOW.after_seconds(60)))
        .await;
    let withdrawn = world.add_secret(id, "withdrawn", None).await;
    let good = async |secret: &str| {
        world
            .try_as(&none(), &post(&id.to_string(), secret))
            .await
            .is_ok()
    };
    for secret in [SECRET, "for a minute", "withdrawn"] {
        assert!(good(secret).await, "{secret}");
    }
    world
        .put(
            id,
            vec![ApplicationEvent::SecretRevoked {
                credential: withdrawn,
            }],
            None,
        )
        .await;
    world.clock.advance(60);
    assert!(good(SECRET).await);
    assert!(!good("for a minute").await && !good("withdrawn").await && !good("").await);
}

#[tokio::test]
async fn an_application_is_known_by_its_client_id_or_its_id_and_only_in_its_realm() {
    let world = World::new().await;
    let id = world.register(ApplicationType::Service, Some("ci")).await;
    world.add_secret(id, SECRET, None).await;
    assert_eq!(world.try_as(&none(), &post("ci", SECRET)).await.unwrap().id, id);
    let edge = world.edge();
    let found = async |in_realm: RealmId, name: &str| {
        resolve(&edge, &realm(in_realm), name)
            .await
            .unwrap()
            .map(|(id, _)| id)
    };
    assert_eq!(found(REALM, "ci").await, Some(id));
    assert_eq!(found(REALM, &id.to_string()).await, Some(id));
    for name in [
        "",
        "CI",
        "ci ",
        &id.0.simple().to_string(),
        &id.0.braced().to_string(),
        &id.0.urn().to_string(),
    ] {
        assert_eq!(found(REALM, name).await, None, "{name}");
    }
    assert_eq!(found(OTHER_REALM, "ci").await, None);
    assert_eq!(found(OTHER_REALM, &id.to_string()).await, None);
}

#[tokio::test]
async fn a_digest_is_of_its_realm() {
    let world = World::new().await;
    let digest = secret_digest(&world.kernel, REALM, SECRET).await.unwrap();
    assert_eq!(digest.len(), 64);
    assert!(
        digest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    );
    assert_ne!(
        digest,
        secret_digest(&world.kernel, OTHER_REALM, SECRET).await.unwrap()
    );
}

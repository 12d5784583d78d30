//! What may happen to a registration. The rule: an initial access token is counted in the append that makes the application, and a
//! registration access token is replaced in the append that it was used for: of many who use one at a time, one gets through.

use std::collections::BTreeSet;

use events::{
    applications::{Application, ApplicationEvent, ApplicationSettings, InitialAccess},
    ids::{ApplicationId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    realms::Settings,
    subject::{Stream, Subject},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::metadata::{self, Refused};
use crate::applications::{self, change::changed, register::RegisterApplication, secrets::NewSecret};

/// Why a registration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The token is good no more.
    #[error("the token is good no more")]
    Void,
    /// The metadata are not as they must be.
    #[error("{0}")]
    Metadata(#[from] Refused),
    /// The application cannot have these settings.
    #[error("{0}")]
    Application(applications::Rejection),
}

impl From<applications::Rejection> for Rejection {
    fn from(rejection: applications::Rejection) -> Self {
        match rejection {
            applications::Rejection::Invalid(faults) => Self::Metadata(faults.into()),
            other => Self::Application(other),
        }
    }
}

/// An application registers by itself.
#[derive(Clone, Debug)]
pub struct RegisterByItself {
    /// Which, and as what.
    pub application: RegisterApplication,
    /// The initial access token that it does so with, where it needs one.
    pub initial: Option<Uuid>,
}

#[async_trait::async_trait]
impl Decide for RegisterByItself {
    type State = (Application, Option<InitialAccess>);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        self.application.stream()
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        let application = self.application.load(reader).await?;
        let initial = match self.initial {
            Some(id) => Some(reader.subject::<InitialAccess>(id).await?.state),
            None => None,
        };
        Ok((application, initial))
    }

    fn decide(&self, (application, initial): &Self::State, context: &Context) -> Result<Decision, Rejection> {
        if initial.as_ref().is_some_and(|token| !token.is_good(context.now)) {
            return Err(Rejection::Void);
        }
        let decision = self.application.decide(application, context)?;
        Ok(match self.initial {
            Some(id) => decision.and(
                Subject::initial_access(id),
                ApplicationEvent::InitialAccessUsed {
                    application: self.application.application,
                },
            ),
            None => decision,
        })
    }
}

/// An application changes its registration, and gets the next token for that.
#[derive(Clone, Debug)]
pub struct UpdateRegistration {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub application: ApplicationId,
    /// Which of its tokens it shows.
    pub number: u64,
    /// What it says of itself.
    pub given: Map<String, Value>,
    /// What the realm offers.
    pub settings: Settings,
    /// A secret for it, should it need one for the way in which it authenticates after the change.
    pub secret: Option<NewSecret>,
}

#[async_trait::async_trait]
impl Decide for UpdateRegistration {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    fn decide(&self, application: &Application, context: &Context) -> Result<Decision, Rejection> {
        still_good(application, self.number)?;
        let (_, settings) = metadata::understand(&self.given, Some(application), &self.settings)?;
        let fields = differing(&application.settings, &settings);
        let subject = Subject::application(self.application);
        let secret = self.secret.as_ref();
        let decision = changed(application, subject, settings, fields, secret, context)?;
        Ok(decision.and(subject, ApplicationEvent::RegistrationTokenIssued {}))
    }
}

/// An application ends its registration.
#[derive(Clone, Copy, Debug)]
pub struct EndRegistration {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub application: ApplicationId,
    /// Which of its tokens it shows.
    pub number: u64,
}

#[async_trait::async_trait]
impl Decide for EndRegistration {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    /// The next token is nobody's: should an administrator enable the application again, the one that ended it manages nothing.
    fn decide(&self, application: &Application, _: &Context) -> Result<Decision, Rejection> {
        still_good(application, self.number)?;
        let subject = Subject::application(self.application);
        let reason = Some("ended its registration itself (RFC 7592)".to_owned());
        Ok(Decision::of(subject, ApplicationEvent::Disabled { reason })
            .and(subject, ApplicationEvent::RegistrationTokenIssued {}))
    }
}

fn still_good(application: &Application, number: u64) -> Result<(), Rejection> {
    if application.is_active() && application.registration_tokens == number {
        Ok(())
    } else {
        Err(Rejection::Void)
    }
}

/// The names of the settings that differ.
fn differing(before: &ApplicationSettings, after: &ApplicationSettings) -> Vec<String> {
    let members = |settings| match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let (before, after) = (members(before), members(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    differ.cloned().collect()
}

#[cfg(test)]
mod tests {
    use events::{
        applications::ApplicationType,
        event::Event,
        testing::{NOW, context, given},
    };
    use serde_json::json;

    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(7));
    const APP: ApplicationId = ApplicationId(Uuid::from_u128(15));

    fn settings() -> ApplicationSettings {
        ApplicationSettings {
            name: "App".to_owned(),
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            ..ApplicationSettings::default()
        }
    }

    fn register(initial: Option<Uuid>) -> RegisterByItself {
        RegisterByItself {
            application: RegisterApplication {
                realm: REALM,
                application: APP,
                client_id: None,
                application_type: ApplicationType::Spa,
                settings: settings(),
                secret: None,
                by_itself: true,
            },
            initial,
        }
    }

    fn names(decision: &Decision) -> Vec<&'static str> {
        decision.events.iter().map(|(_, event)| event.name()).collect()
    }

    #[test]
    fn a_token_is_counted_with_what_it_made() {
        let id = Uuid::from_u128(3);
        let token = |past: Vec<ApplicationEvent>| {
            given::<InitialAccess>(id, past.into_iter().map(Event::from).collect::<Vec<_>>()).state
        };
        let granted = || ApplicationEvent::InitialAccessGranted {
            uses: 1,
            expires: NOW.after_seconds(60),
        };
        let used = ApplicationEvent::InitialAccessUsed { application: APP };
        let when = |token: InitialAccess| {
            register(Some(id)).decide(&(Application::default(), Some(token)), &context())
        };
        assert_eq!(
            names(&when(token(vec![granted()])).unwrap()),
            [
                "application.registered",
                "application.registration_token_issued",
                "initial_access.used"
            ]
        );
        assert_eq!(when(token(vec![granted(), used])), Err(Rejection::Void));
        assert_eq!(
            when(token(vec![])),
            Err(Rejection::Void),
            "there is no such token"
        );
        let open = register(None).decide(&(Application::default(), None), &context());
        assert_eq!(open.unwrap().events.len(), 2);
    }

    #[test]
    fn the_last_token_alone_manages() {
        let past = || {
            let registered = ApplicationEvent::Registered {
                client_id: APP.to_string(),
                application_type: ApplicationType::Spa,
                settings: Box::new(settings()),
            };
            vec![registered, ApplicationEvent::RegistrationTokenIssued {}]
        };
        let application = |more: Vec<ApplicationEvent>| {
            let all = past().into_iter().chain(more).map(Event::from);
            given::<Application>(APP.0, all.collect::<Vec<_>>()).state
        };
        let update = |number| {
            UpdateRegistration {
            realm: REALM,
            application: APP,
            number,
            given: json!({
                "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none", "client_name": "Store",
            })
            .as_object()
            .unwrap()
            .clone(),
            settings: Settings::default(),
            secret: None,
        }
        };
        let decision = update(1).decide(&application(vec![]), &context()).unwrap();
        assert_eq!(
            names(&decision),
            ["application.changed", "application.registration_token_issued"]
        );
        let after = application(vec![ApplicationEvent::RegistrationTokenIssued {}]);
        assert_eq!(update(1).decide(&after, &context()), Err(Rejection::Void));
        assert!(update(2).decide(&after, &context()).is_ok());
        let end = |number| EndRegistration {
            realm: REALM,
            application: APP,
            number,
        };
        assert_eq!(end(1).decide(&after, &context()), Err(Rejection::Void));
        let ended = end(2).decide(&after, &context()).unwrap();
        assert_eq!(
            names(&ended),
            ["application.disabled", "application.registration_token_issued"]
        );
        let disabled = application(vec![ApplicationEvent::Disabled { reason: None }]);
        assert_eq!(end(1).decide(&disabled, &context()), Err(Rejection::Void));
        let by_administrator = Application {
            registration_tokens: 0,
            ..application(vec![])
        };
        assert_eq!(end(1).decide(&by_administrator, &context()), Err(Rejection::Void));
    }
}

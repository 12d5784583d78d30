//! The applications sign out in the browser (OpenID Connect Front-Channel Logout 1.0). The rule: the page frames what the applications
//! of this session registered, and its policy allows those origins and no others.

use events::{applications::Application, auth::Session, ids::SessionId, kernel::KernelError};

use crate::auth::{
    authorize::redirect_uri::{self, PolicySource},
    visit::Visit,
};

/// What is loaded in frames, and from where that may come.
#[derive(Debug, Default)]
pub struct Frames {
    /// The addresses.
    pub addresses: Vec<String>,
    /// Their origins.
    pub origins: Vec<PolicySource>,
}

/// The frames of a session that ends.
pub async fn frames(visit: &Visit, id: SessionId, session: &Session) -> Result<Frames, KernelError> {
    let (kernel, realm, issuer) = (visit.edge.kernel(), visit.realm.id, visit.issuer());
    let mut frames = Frames::default();
    for application in &session.applications {
        let application = kernel.current::<Application>(realm, application.0).await?.state;
        if let Some((address, origin)) = frame(&application, &issuer, id) {
            frames.addresses.push(address);
            frames.origins.push(origin);
        }
    }
    Ok(frames)
}

/// Where an application signs out in a frame, if it does (section 2): told the issuer and the session where it wants to know.
fn frame(application: &Application, issuer: &str, session: SessionId) -> Option<(String, PolicySource)> {
    let settings = &application.settings;
    let address = settings
        .frontchannel_logout_uri
        .as_deref()
        .filter(|_| application.is_active())?;
    let origin = PolicySource::origin(address)?;
    if !settings.frontchannel_logout_session_required {
        return Some((address.to_owned(), origin));
    }
    let told = [
        ("iss".to_owned(), issuer.to_owned()),
        ("sid".to_owned(), session.to_string()),
    ];
    Some((redirect_uri::with_query(address, &told), origin))
}

#[cfg(test)]
mod tests {
    use events::applications::{ApplicationSettings, ApplicationType};
    use uuid::Uuid;

    use super::*;

    const SESSION: SessionId = SessionId(Uuid::from_u128(0x5e));

    fn framed(uri: &str, session_required: bool, disabled: bool) -> Option<(String, String)> {
        let application = Application {
            client_id: "app".to_owned(),
            application_type: Some(ApplicationType::Web),
            settings: ApplicationSettings {
                frontchannel_logout_uri: Some(uri.to_owned()),
                frontchannel_logout_session_required: session_required,
                ..ApplicationSettings::default()
            },
            disabled,
            ..Application::default()
        };
        let (address, origin) = frame(&application, "https://id.example/realms/demo", SESSION)?;
        Some((address, origin.to_string()))
    }

    #[test]
    fn an_application_is_told_of_the_session_where_it_wants_to_know() {
        let origin = "https://app.example".to_owned();
        assert_eq!(
            framed("https://app.example/out?x=1", false, false),
            Some(("https://app.example/out?x=1".to_owned(), origin.clone()))
        );
        let told = "https://app.example/out?x=1&iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo\
                    &sid=00000000-0000-0000-0000-00000000005e";
        assert_eq!(
            framed("https://app.example/out?x=1", true, false),
            Some((told.to_owned(), origin))
        );
    }

    #[test]
    fn what_a_policy_cannot_name_and_what_is_disabled_is_not_framed() {
        assert_eq!(framed("https://[2001:db8::1]/out", true, false), None);
        assert_eq!(framed("https://app.example/out", true, true), None);
    }
}

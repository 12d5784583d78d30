//! Who looks at their account. The rules: nobody sees anything of it whose session is over, or worth less than the realm requires; and a form
//! works on the page and in the session that it was made for, for half an hour.

use axum::response::Response;
use events::{event::Network, kernel::KernelError, realms::Settings, sealing::Sealed, subject::Stream};
use http::StatusCode;
use web::{artefacts, form::Form};

use super::{Section, path};
use crate::auth::{
    flow::{
        Flow,
        engine::Policy,
        journey,
        methods::{Held, federated},
    },
    logout,
    page::{self, PageError},
    pages::account::{Link, Notice, Shell},
    sessions::{self, SignedIn},
    visit::Visit,
};

const PURPOSE: &str = "account";
/// How long a form may stay open, in seconds.
const SECONDS: u64 = 1_800;

/// Somebody at a page of their account.
pub struct Visitor<'a> {
    /// The request.
    pub visit: &'a Visit,
    /// Their session.
    pub signed_in: SignedIn,
    /// The realm's settings.
    pub settings: Settings,
    /// Where they are.
    pub section: Section,
}

/// Whether somebody may see their account, or is sent to show who they are.
pub enum Entry<'a> {
    /// They may.
    Visitor(Box<Visitor<'a>>),
    /// To the sign-in page, and back here.
    Away(Box<Response>),
}

/// Lets somebody in who is signed in, and whose session is worth what the realm requires.
pub async fn enter(visit: &Visit, section: Section) -> Result<Entry<'_>, PageError> {
    let sent = |response| Ok(Entry::Away(Box::new(response)));
    let settings = visit.edge.settings(visit.realm.id).await?;
    let Some(signed_in) = sessions::current(visit, &settings).await? else {
        return sent(away(visit, Flow::begin(visit, None), section).await?);
    };
    let offers = journey::offers(visit).await?;
    let policy = journey::policy(visit, &settings, &offers, None, None);
    if !journey::is_enough(visit, &policy, &offers, None, &signed_in).await? {
        return sent(away(visit, Flow::begin_in(visit, None, &signed_in), section).await?);
    }
    if !sessions::note_use(visit, &signed_in).await? {
        return sent(away(visit, Flow::begin(visit, None), section).await?);
    }
    Ok(Entry::Visitor(Box::new(Visitor {
        visit,
        signed_in,
        settings,
        section,
    })))
}

/// To the sign-in page, and back here.
async fn away(visit: &Visit, mut flow: Flow, section: Section) -> Result<Response, PageError> {
    flow.account = Some(section);
    flow.go(visit).await
}

impl Visitor<'_> {
    /// What a form of this page carries: nobody else can have made it for this session.
    pub async fn form(&self) -> Result<String, KernelError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let expires = kernel.now().after_seconds(SECONDS);
        artefacts::seal(kernel, realm, PURPOSE, &self.bound(), &(), expires).await
    }

    /// Whether a form was made for this page and session, and not too long ago.
    pub async fn is_own(&self, form: &Form) -> Result<bool, KernelError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let flow = form.given("flow").unwrap_or_default();
        let opened: Option<()> = artefacts::open(kernel, realm, PURPOSE, &self.bound(), flow).await?;
        Ok(opened.is_some())
    }

    fn bound(&self) -> [&[u8]; 2] {
        [self.signed_in.id.0.as_bytes(), self.section.segment().as_bytes()]
    }

    /// Where the request came from that the fact of activity at this seq tells of, as far as that may still be known.
    pub async fn network(&self, seq: u64) -> Result<Option<Network>, KernelError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let found = kernel
            .log()
            .read(Stream::activity(realm), seq.saturating_sub(1), 1)
            .await?;
        match found.first() {
            Some(recorded) => Ok(kernel.network(recorded).await?.and_then(Sealed::into_known)),
            None => Ok(None),
        }
    }

    /// What every page of the account has around it.
    pub async fn shell(&self, notice: Option<Notice>) -> Result<Shell<'_>, PageError> {
        let edge = &self.visit.edge;
        let offered = Section::OFFERED.into_iter();
        let links = offered
            .filter(|section| match section {
                Section::Email => edge.mails(),
                Section::Phone => edge.texts(),
                _ => true,
            })
            .map(|section| Link {
                name: section.name(),
                path: path(self.visit, section),
                is_here: section == self.section.within(),
            });
        Ok(Shell {
            say: &self.visit.say,
            heading: self.section.name(),
            links: links.collect(),
            action: path(self.visit, self.section),
            form: self.form().await?,
            notice,
            username: self.signed_in.name().to_owned(),
            sign_out_action: logout::path(self.visit),
            sign_out_flow: logout::confirmation(self.visit, self.signed_in.id, None).await?,
        })
    }

    /// Whether they have shown just now who they are, with all that they have that counts, by what is theirs still.
    pub async fn has_shown(&self) -> Result<bool, PageError> {
        let (visit, kernel) = (self.visit, self.visit.edge.kernel());
        let held = Held::current(kernel, visit.realm.id, self.signed_in.user).await?;
        let offers = journey::offers(visit).await?;
        let proofs = held.theirs(&self.signed_in.session.proofs);
        let proofs = federated::still_counting(&proofs, &held, &offers, None);
        let policy = self.policy().await?;
        Ok(journey::is_fresh(&proofs, kernel.now()) && held.entitles(&proofs, &policy.second))
    }

    /// What the realm requires.
    pub async fn policy(&self) -> Result<Policy, PageError> {
        let offers = journey::offers(self.visit).await?;
        Ok(journey::policy(self.visit, &self.settings, &offers, None, None))
    }

    /// To show anew who they are, and back here.
    pub async fn confirm(&self) -> Result<Response, PageError> {
        away(
            self.visit,
            Flow::begin_anew(self.visit, &self.signed_in),
            self.section,
        )
        .await
    }

    /// Back to the page, which says what was done.
    pub fn done(&self, notice: Notice) -> Result<Response, PageError> {
        page::see_other(&format!(
            "{}?done={}",
            path(self.visit, self.section),
            notice.as_str()
        ))
    }
}

/// What the page before has done, if it says so.
pub fn told(form: &Form) -> Option<Notice> {
    form.given("done")
        .and_then(|name| name.parse().ok())
        .filter(|notice: &Notice| !notice.is_trouble())
}

/// The status of a page that tells this.
pub fn status(notice: Option<Notice>) -> StatusCode {
    notice.map_or(StatusCode::OK, Notice::status)
}

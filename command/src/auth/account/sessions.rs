//! Where somebody is signed in, and ending that. The rules: all others end by one fact that every judge of a session asks for, and not by a
//! list that could miss one; nobody ends, or learns of, what is somebody else's.

use axum::{extract::State, response::Response};
use events::{
    applications::Application,
    auth::{EndReason, Session},
    ids::SessionId,
    kernel::{Failure, KernelError},
    users::{Password, User, last_ending_of},
};
use web::form::Form;

use super::{
    Section,
    agent::Agent,
    visitor::{self, Entry, Visitor},
};
use crate::{
    Commands,
    auth::{
        Issuer,
        page::{self, PageError},
        pages::account::{Moment, Notice, Place, Sessions},
        sessions::{EndSession, NoSession},
        trouble,
        visit::{Body, Query, Visit},
    },
    users::sessions::EndOtherSessions,
};

/// Where who is signed in is signed in besides.
#[utoipa::path(
    get, path = "/realms/{realm}/account/sessions", tag = "account", operation_id = "account_sessions_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The sessions that are alive, the newest first"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_sessions(
    State(commands): State<Commands>,
    visit: Visit,
    query: Query,
) -> Response {
    let answer = show(&commands, &visit, query).await;
    visit.answer(answer)
}

/// End another session, or all others.
#[utoipa::path(
    post, path = "/realms/{realm}/account/sessions", tag = "account", operation_id = "account_sessions", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and `session`: the id of the one to end; or `others`"),
    extensions(("x-events" = json!(["session.ended", "user.sessions_ended"]))),
    responses(
        (status = 303, description = "Back to the page; or to the sign-in page, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 404, description = "The page: there is no such session of theirs"),
    ),
)]
pub(in crate::auth) async fn post_sessions(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&commands, &visit, body).await;
    visit.answer(answer)
}

async fn show(commands: &Commands, visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Sessions).await? {
        Entry::Visitor(visitor) => page(commands, &visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(
    commands: &Commands,
    visitor: &Visitor<'_>,
    notice: Option<Notice>,
) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let alive = (kernel.now(), visitor.settings.session.idle_seconds);
    let state = kernel.latest::<User>(realm, user.0).await?.state;
    let password = kernel.latest::<Password>(realm, user.0).await?.state;
    let mut places = Vec::new();
    for id in commands.holdings.sessions(realm, user, alive).await? {
        let session = kernel.latest::<Session>(realm, id.0).await?.state;
        let is_over = session.outlived_by(last_ending_of(&state, &password, id));
        if session.user != Some(user) || is_over || !session.is_alive(alive.0, alive.1) {
            continue;
        }
        places.push(place(visitor, id, session).await?);
    }
    places.sort_by_key(|place| !place.is_here);
    let settings = &visitor.settings.session;
    let template = Sessions::new(
        visitor.shell(notice).await?,
        &places,
        settings.idle_seconds,
        settings.absolute_seconds,
    );
    Ok(page::page(visitor::status(notice), &template))
}

/// A session in words.
async fn place(visitor: &Visitor<'_>, id: SessionId, session: Session) -> Result<Place, KernelError> {
    let (kernel, realm) = (visitor.visit.edge.kernel(), visitor.visit.realm.id);
    let network = visitor.network(session.began).await?;
    let user_agent = network.as_ref().and_then(|network| network.user_agent.as_deref());
    let mut applications = Vec::new();
    for client in &session.applications {
        let application = kernel.current::<Application>(realm, client.0).await?.state;
        applications.push(application.settings.name);
    }
    applications.sort_unstable();
    Ok(Place {
        id: id.to_string(),
        is_here: id == visitor.signed_in.id,
        agent: user_agent
            .map_or(Agent::UNKNOWN, Agent::of)
            .said(&visitor.visit.say),
        address: network.and_then(|network| network.ip),
        applications,
        started: Moment(session.started),
        used: Moment(session.used),
        expires: Moment(session.expires),
    })
}

async fn submit(commands: &Commands, visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Sessions).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(commands, &visitor, Some(Notice::Stale)).await;
    }
    let ended = match form.given("others") {
        Some(_) => end_others(&visitor).await?.then_some(Notice::OthersEnded),
        None => end(&visitor, &form).await?.then_some(Notice::SessionEnded),
    };
    match ended {
        Some(notice) => visitor.done(notice),
        None => page(commands, &visitor, Some(Notice::Gone)).await,
    }
}

/// Ends one session. `false`: there is no such session of theirs, or it is this one, out of which one signs.
async fn end(visitor: &Visitor<'_>, form: &Form) -> Result<bool, PageError> {
    let visit = visitor.visit;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let named = form.given("session").and_then(|id| id.parse().ok());
    let Some(id) = named.map(SessionId).filter(|id| *id != visitor.signed_in.id) else {
        return Ok(false);
    };
    let whose = kernel.latest::<Session>(realm, id.0).await?.state.user;
    if whose != Some(visitor.signed_in.user) {
        return Ok(false);
    }
    let command = EndSession {
        realm,
        session: id,
        reason: EndReason::SignedOut,
    };
    match kernel
        .execute(&visit.context_of(&visitor.signed_in), &command)
        .await
    {
        Ok(_) => Ok(true),
        Err(Failure::Rejected(NoSession)) => Ok(false),
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// Ends all sessions but this one. `false`: this one has ended in the meantime.
async fn end_others(visitor: &Visitor<'_>) -> Result<bool, PageError> {
    let visit = visitor.visit;
    let command = EndOtherSessions {
        realm: visit.realm.id,
        user: visitor.signed_in.user,
        session: visitor.signed_in.id,
    };
    let context = visit.context_of(&visitor.signed_in);
    match visit.edge.kernel().execute(&context, &command).await {
        Ok(_) => Ok(true),
        Err(Failure::Rejected(_)) => Ok(false),
        Err(failure) => Err(trouble(failure).into()),
    }
}

//! The parameters of `GET events` and of `GET events/stream`. The rule: a filter that can never find anything (a type that does not exist, a type or subject of the
//! other lane) is refused with the reason, so that an empty answer means that nothing happened.

use events::{
    event::Event,
    ids::{ApplicationId, SessionId, UserId},
    subject::{Lane, Subject},
};
use projections::audit::AuditFilter;
use utoipa::IntoParams;
use uuid::Uuid;

use super::stream::Cursor;
use crate::{
    paging,
    params::{FromParameters, Parameters},
};

/// What is asked for: where in the log, and which events (if not all).
#[derive(Debug)]
pub struct EventFilter {
    /// Which of the two streams.
    pub lane: Lane,
    /// Events after this place.
    pub after: Option<u64>,
    /// Most items.
    pub size: Option<usize>,
    /// In place of `after`.
    pub page_token: Option<String>,
    /// What to ask the audit index; nothing if all events are asked for.
    pub index: Option<AuditFilter>,
}

/// Which events are followed, and from where.
#[derive(Debug)]
pub struct StreamFilter {
    /// The lanes that are followed.
    pub lanes: Vec<Lane>,
    /// Events after this place of the one lane.
    pub after: Option<u64>,
    /// Where to go on; a header `Last-Event-ID` is newer.
    pub last_event_id: Option<Cursor>,
    /// Which events of them; nothing if all.
    pub which: Option<AuditFilter>,
}

/// How the places of a listing are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `EventFilter` reads")]
struct Place {
    /// The stream: `facts` (the default) or `activity`.
    #[param(example = "facts")]
    lane: Option<String>,
    /// Only events after this `seq`.
    #[param(minimum = 0)]
    after: Option<u64>,
    /// Most items of the answer (default 50).
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// The same as `limit`, as other lists have it.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u64>,
    /// `next_page_token` of the page before, in place of `after`.
    page_token: Option<String>,
}

/// How those of a stream are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `StreamFilter` reads")]
struct StreamPlace {
    /// One stream, `facts` or `activity`, in place of both.
    #[param(example = "facts")]
    lane: Option<String>,
    /// Only events after this `seq`, of the one lane that is followed: `next_after` of a listing.
    #[param(minimum = 0)]
    after: Option<u64>,
    /// The `id` of the last message that was received, where the header `Last-Event-ID` is out of reach.
    last_event_id: Option<String>,
}

/// How the filter is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `which` reads")]
struct Which {
    /// Only events of this type, such as `user.registered`.
    #[param(rename = "type")]
    event_type: Option<String>,
    /// Only events of this subject: `<kind>:<id>`, such as `user:…`, or an id alone, of whatever kind.
    subject: Option<String>,
    /// Only events about this user: of their profile, password, roles, sign-ins, sessions with their grants, and tokens. Not
    /// `token.revoked`, which names the token alone.
    user: Option<Uuid>,
    /// Only events that this user caused, or this application acting for itself.
    actor: Option<Uuid>,
    /// Only events that were caused through this application.
    client: Option<Uuid>,
    /// Only events of this session, or caused in it.
    session: Option<Uuid>,
    /// Only events of this request (`request_id`).
    request: Option<Uuid>,
    /// Only events recorded at or after this moment (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only events recorded before this moment (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
}

impl IntoParams for EventFilter {
    fn into_params(
        place: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        let mut parameters = Place::into_params(&place);
        parameters.extend(Which::into_params(place));
        parameters
    }
}

impl IntoParams for StreamFilter {
    fn into_params(
        place: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        let mut parameters = StreamPlace::into_params(&place);
        parameters.extend(Which::into_params(place));
        parameters
    }
}

impl FromParameters for EventFilter {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        let lane = lane(parameters).unwrap_or(Lane::Facts);
        let after = after(parameters);
        let page_token = parameters.raw("page_token").map(str::to_owned);
        if after.is_some() && page_token.is_some() {
            parameters.refuse("after", "must not stand beside page_token");
        }
        let limit = paging::size(parameters, "limit");
        let page_size = paging::size(parameters, "page_size");
        if limit.is_some() && page_size.is_some() {
            parameters.refuse("limit", "must not stand beside page_size, which is the same");
        }
        let index = which(parameters, Some(lane)).0;
        Self {
            lane,
            after,
            size: limit.or(page_size),
            page_token,
            index,
        }
    }
}

impl FromParameters for StreamFilter {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        let named = lane(parameters);
        let (which, home) = which(parameters, named);
        let lanes = named
            .or(home)
            .map_or_else(|| Lane::ALL.to_vec(), |lane| vec![lane]);
        let after = after(parameters);
        if after.is_some() && lanes.len() > 1 {
            parameters.refuse("after", "must stand beside lane: each lane counts for itself");
        }
        let last_event_id = parameters.value("last_event_id", Cursor::EXPECTED, |text| text.parse().ok());
        Self {
            lanes,
            after,
            last_event_id,
            which,
        }
    }
}

fn lane(parameters: &mut Parameters<'_>) -> Option<Lane> {
    parameters.one_of("lane", &Lane::ALL.map(|lane| (lane.as_str(), lane)))
}

/// What the log stores is a signed 64-bit number in every engine.
fn after(parameters: &mut Parameters<'_>) -> Option<u64> {
    parameters.number("after", 0, i64::MAX as u64)
}

/// Which events, nothing where all of them are wanted; and the lane that they are all in by their type or subject. What can never be
/// in the lane that is asked about is refused.
fn which(parameters: &mut Parameters<'_>, lane: Option<Lane>) -> (Option<AuditFilter>, Option<Lane>) {
    let event_type = parameters.value("type", "the name of an event, such as user.registered", |name| {
        Event::catalogue()
            .find(|(_, _, kind)| kind.name == name)
            .map(|(_, lane, kind)| (lane, kind.name))
    });
    let mut lane = lane;
    if let Some((home, name)) = event_type
        && *lane.get_or_insert(home) != home
    {
        parameters.refuse(
            "type",
            format!("is never in this lane: {name} is recorded with lane={home}"),
        );
    }
    let subject = parameters.value("subject", "<kind>:<id> or an id", |text| {
        match text.parse::<Subject>() {
            Ok(subject) => Some((Some(subject.kind), subject.id)),
            Err(()) => Uuid::parse_str(text).ok().map(|id| (None, id)),
        }
    });
    if let Some((Some(kind), _)) = subject
        && *lane.get_or_insert(kind.lane()) != kind.lane()
    {
        let (kind, home) = (kind.as_str(), kind.lane());
        parameters.refuse(
            "subject",
            format!("is never in this lane: a {kind} is told with lane={home}"),
        );
    }
    let (from, to) = (parameters.moment("from"), parameters.moment("to"));
    if matches!((from, to), (Some(from), Some(to)) if to <= from) {
        parameters.refuse("to", "must be later than from");
    }
    let filter = AuditFilter {
        event_type: event_type.map(|(_, name)| name.to_owned()),
        subject_kind: subject.and_then(|(kind, _)| kind),
        subject: subject.map(|(_, id)| id),
        user: parameters.id("user").map(UserId),
        actor: parameters.id("actor"),
        application: parameters.id("client").map(ApplicationId),
        session: parameters.id("session").map(SessionId),
        request: parameters.id("request"),
        from,
        to,
    };
    let named = [
        "type", "subject", "user", "actor", "client", "session", "request", "from", "to",
    ];
    let is_named = named.into_iter().any(|name| parameters.raw(name).is_some());
    (is_named.then_some(filter), lane)
}

#[cfg(test)]
mod tests {
    use web::form::Form;

    use super::*;
    use crate::params::assert_described;

    fn read(query: &str) -> Option<EventFilter> {
        let form = Form::parse(query.as_bytes()).unwrap();
        let mut parameters = Parameters::new(&form);
        let filter = EventFilter::from_parameters(&mut parameters);
        parameters.finish().is_ok().then_some(filter)
    }

    #[test]
    fn without_a_filter_the_log_itself_is_read() {
        let all = read("").unwrap();
        assert_eq!((all.lane, all.after, all.size), (Lane::Facts, None, None));
        assert!(all.index.is_none());
        let activity = read("lane=activity&after=7&limit=500").unwrap();
        assert_eq!(
            (activity.lane, activity.after, activity.size),
            (Lane::Activity, Some(7), Some(500))
        );
        assert!(activity.index.is_none());
        assert_described::<EventFilter>();
    }

    #[test]
    fn both_lanes_are_followed_unless_the_events_are_all_in_one() {
        let follow = |query: &str| -> Option<(Vec<Lane>, Option<u64>)> {
            let form = Form::parse(query.as_bytes()).unwrap();
            let mut parameters = Parameters::new(&form);
            let filter = StreamFilter::from_parameters(&mut parameters);
            parameters.finish().ok().map(|()| (filter.lanes, filter.after))
        };
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(follow("").unwrap(), (Lane::ALL.to_vec(), None));
        assert_eq!(
            follow(&format!("actor={id}")).unwrap(),
            (Lane::ALL.to_vec(), None)
        );
        assert_eq!(
            follow("lane=facts&after=7").unwrap(),
            (vec![Lane::Facts], Some(7))
        );
        assert_eq!(
            follow("type=login.failed&after=7").unwrap(),
            (vec![Lane::Activity], Some(7))
        );
        assert_eq!(
            follow(&format!("subject=user:{id}")).unwrap(),
            (vec![Lane::Facts], None)
        );
        for refused in [
            "after=7",
            "lane=facts&type=login.failed",
            &format!("type=login.failed&subject=user:{id}"),
            "last_event_id=7",
            "page_token=x",
            "limit=5",
        ] {
            assert_eq!(follow(refused), None, "{refused}");
        }
        assert_described::<StreamFilter>();
    }

    #[test]
    fn a_subject_is_named_with_its_kind_or_by_its_id_alone() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let named = read(&format!("subject=user:{id}")).unwrap().index.unwrap();
        assert_eq!(named.subject_kind, Some(::events::subject::SubjectKind::User));
        assert_eq!(named.subject.unwrap().to_string(), id);
        let bare = read(&format!("subject={id}")).unwrap().index.unwrap();
        assert_eq!((bare.subject_kind, bare.subject), (None, named.subject));
    }

    #[test]
    fn what_can_never_be_found_is_refused() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for query in [
            "lane=secrets",
            "lane=",
            "after=-1",
            "after=9223372036854775808",
            "limit=0",
            "limit=501",
            "limit=5&page_size=5",
            "after=1&page_token=x",
            "type=user.invented",
            "type=",
            "type=login.failed",
            "lane=activity&type=user.registered",
            "subject=user",
            "subject=user:",
            "subject=person:01890a5d-ac96-774b-bcce-b302099a8057",
            &format!("subject=session:{id}"),
            &format!("lane=activity&subject=user:{id}"),
            "actor=alice",
            "request=1",
            "from=yesterday",
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "cause=x",
        ] {
            assert!(read(query).is_none(), "{query}");
        }
        assert!(read("lane=activity&type=login.failed").is_some());
        assert!(read(&format!("lane=activity&subject=session:{id}")).is_some());
    }
}

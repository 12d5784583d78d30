//! Reads that see their own writes: a request that names a position is answered from a state at least that new.
//! The rule: a position counts only in its own incarnation of the log and for the realm that is asked about.

use std::time::Duration;

use events::{ids::RealmId, kernel::KernelError, log::Position};
use http::HeaderMap;
use projections::{Reads, WaitError};
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};
use uuid::Uuid;
use web::{Code, Problem, answer::POSITION};

use crate::params::Parameters;

/// How long a read waits for the read model before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The header that names a position ([`POSITION`]), as it is described.
const HEADER: &str = "Chancery-Position";

/// The parameter that names a position where a header is out of reach.
pub const PARAMETER: &str = "position";

/// The two ways of naming a position, for the description of every operation.
pub struct AtLeast;

impl IntoParams for AtLeast {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let named = |name: &str, place: ParameterIn| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .required(Required::False)
                .description(Some(
                    "Answer from a state at least as new as this position, as a command answered it; waits up to two seconds.",
                ))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build()
        };
        vec![
            named(PARAMETER, ParameterIn::Query),
            named(HEADER, ParameterIn::Header),
        ]
    }
}

/// A position, and how it was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub position: Position,
    /// By the header and not by the parameter.
    by_header: bool,
}

impl Asked {
    /// Notes why it does not count, under the name by which it came.
    pub fn refuse(&self, parameters: &mut Parameters<'_>, reason: &'static str) {
        if self.by_header {
            parameters.refuse_header(HEADER, reason);
        } else {
            parameters.refuse(PARAMETER, reason);
        }
    }
}

/// What the request names, by header or by parameter.
pub fn requested(headers: &HeaderMap, parameters: &mut Parameters<'_>) -> Option<Asked> {
    let by_parameter = parameters.value(PARAMETER, "a position as a command answered it", |text| {
        text.parse().ok()
    });
    let by_parameter = by_parameter.map(|position| Asked {
        position,
        by_header: false,
    });
    let mut values = headers.get_all(POSITION).iter();
    let by_header = match (values.next(), values.next()) {
        (None, _) => return by_parameter,
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse::<Position>().ok()),
        (Some(_), Some(_)) => None,
    };
    let Some(position) = by_header else {
        parameters.refuse_header(HEADER, "must be one position as a command answered it");
        return None;
    };
    if by_parameter.is_some_and(|asked| asked.position != position) {
        parameters.refuse(PARAMETER, "must not differ from the header Chancery-Position");
        return None;
    }
    Some(Asked {
        position,
        by_header: true,
    })
}

/// Why a position does not count here. Positions of the system realm count everywhere: the existence of realms is told there.
pub fn objection(position: &Position, incarnation: Uuid, realm: RealmId) -> Option<&'static str> {
    if position.incarnation != incarnation {
        return Some("must be of the present incarnation of the log");
    }
    if position.stream.realm != realm && position.stream.realm != RealmId::SYSTEM {
        return Some("must be of this realm");
    }
    None
}

/// Waits until the read models have come so far.
pub async fn reach(reads: &Reads, asked: &Asked) -> Result<(), Problem> {
    reads
        .wait_for(&asked.position, PATIENCE)
        .await
        .map_err(|error| match error {
            WaitError::Foreign => Problem::new(Code::Invalid)
                .detail("the position cannot be waited for")
                .field(
                    if asked.by_header { HEADER } else { PARAMETER },
                    "must be a position that this log has answered",
                ),
            WaitError::TimedOut => Problem::new(Code::PositionTimeout).retry_after(1),
            WaitError::Log(error) => KernelError::from(error).into(),
        })
}

#[cfg(test)]
mod tests {
    use events::subject::Stream;
    use http::HeaderValue;
    use web::form::Form;

    use super::*;

    fn position(incarnation: u128, realm: u128) -> Position {
        Position {
            incarnation: Uuid::from_u128(incarnation),
            stream: Stream::facts(RealmId(Uuid::from_u128(realm))),
            seq: 7,
        }
    }

    fn ask(query: &str, headers: &[String]) -> (Option<Position>, bool) {
        let form = Form::parse(query.as_bytes()).unwrap();
        let mut parameters = Parameters::new(&form);
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(POSITION, HeaderValue::from_str(value).unwrap());
        }
        let named = requested(&map, &mut parameters).map(|asked| asked.position);
        (named, parameters.finish().is_ok())
    }

    async fn told(parameters: Parameters<'_>) -> serde_json::Value {
        let answer = parameters.finish().unwrap_err().render(None).into_body();
        serde_json::from_slice(&axum::body::to_bytes(answer, 10_000).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_fault_is_told_of_the_place_where_it_is() {
        let asked = async |query: &str, header: &str| {
            let form = Form::parse(query.as_bytes()).unwrap();
            let mut parameters = Parameters::new(&form);
            let mut headers = HeaderMap::new();
            headers.append(POSITION, HeaderValue::from_str(header).unwrap());
            requested(&headers, &mut parameters);
            let problem = told(parameters).await;
            let fields = problem["errors"].as_array().unwrap().iter();
            let fields: Vec<_> = fields
                .map(|error| error["field"].as_str().unwrap().to_owned())
                .collect();
            (problem["detail"].as_str().unwrap().to_owned(), fields)
        };
        let (detail, fields) = asked("", "x").await;
        assert_eq!(detail, "the header Chancery-Position cannot be taken as it is");
        assert_eq!(fields, [HEADER]);
        let (detail, fields) = asked("stauts=x", "x").await;
        assert_eq!(
            detail,
            "the query string and the header Chancery-Position cannot be taken as they are"
        );
        assert_eq!(fields, ["stauts", HEADER]);
        let (detail, fields) = asked("position=x", &position(1, 2).to_string()).await;
        assert_eq!(detail, "the query string cannot be taken as it is");
        assert_eq!(fields, [PARAMETER]);

        let form = Form::parse(b"").unwrap();
        for (by_header, name) in [(true, HEADER), (false, PARAMETER)] {
            let mut parameters = Parameters::new(&form);
            let position = position(1, 2);
            Asked { position, by_header }.refuse(&mut parameters, "must be of this realm");
            let problem = told(parameters).await;
            assert_eq!(problem["errors"][0]["field"], name);
        }
    }

    #[test]
    fn a_position_is_named_by_header_or_by_parameter_and_only_once() {
        let (one, other) = (position(1, 2), position(1, 3));
        assert_eq!(ask("", &[]), (None, true));
        assert_eq!(ask(&format!("position={one}"), &[]), (Some(one), true));
        assert_eq!(ask("", &[one.to_string()]), (Some(one), true));
        assert_eq!(
            ask(&format!("position={one}"), &[one.to_string()]),
            (Some(one), true)
        );
        assert!(!ask(&format!("position={one}"), &[other.to_string()]).1);
        assert!(!ask("", &[one.to_string(), one.to_string()]).1);
        for malformed in ["", "x", "AAAA", &one.to_string()[1..]] {
            assert!(!ask(&format!("position={malformed}"), &[]).1, "{malformed}");
            assert!(!ask("", &[malformed.to_owned()]).1, "{malformed}");
        }
    }

    #[test]
    fn a_position_of_another_log_or_another_realm_does_not_count() {
        let (log, realm) = (Uuid::from_u128(1), RealmId(Uuid::from_u128(2)));
        assert_eq!(objection(&position(1, 2), log, realm), None);
        assert_eq!(
            objection(&position(1, RealmId::SYSTEM.0.as_u128()), log, realm),
            None
        );
        assert!(objection(&position(9, 2), log, realm).is_some());
        assert!(objection(&position(1, 3), log, realm).is_some());
    }
}

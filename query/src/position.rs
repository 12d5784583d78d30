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

/// What the request names, by header or by parameter.
pub fn requested(headers: &HeaderMap, parameters: &mut Parameters<'_>) -> Option<Position> {
    let by_parameter = parameters.value(PARAMETER, "a position as a command answered it", |text| {
        text.parse().ok()
    });
    let mut values = headers.get_all(POSITION).iter();
    let by_header = match (values.next(), values.next()) {
        (None, _) => return by_parameter,
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse::<Position>().ok()),
        (Some(_), Some(_)) => None,
    };
    match (by_header, by_parameter) {
        (None, _) => {
            parameters.refuse(HEADER, "must be one position as a command answered it");
            None
        }
        (Some(header), Some(parameter)) if header != parameter => {
            parameters.refuse(PARAMETER, "must not differ from the header Chancery-Position");
            None
        }
        (named, _) => named,
    }
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
pub async fn reach(reads: &Reads, position: &Position) -> Result<(), Problem> {
    reads
        .wait_for(position, PATIENCE)
        .await
        .map_err(|error| match error {
            WaitError::Foreign => Problem::new(Code::Invalid)
                .detail("the position cannot be waited for")
                .field(PARAMETER, "must be a position that this log has answered"),
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
        let named = requested(&map, &mut parameters);
        (named, parameters.finish().is_ok())
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

//! Tokens: client credentials, ES256, each leaving a durable event, over HTTP; against bare answers of the same length from the
//! same stack.

use std::path::Path;

use crate::{
    Outcome,
    bare::Bare,
    http::{self, Connection, Same},
    report::{Figure, Of},
    rounds::{self, Pace},
    server::Server,
    store::Store,
};

/// The share of bare answers that it shall reach.
const MARK: f64 = 0.30;

/// Measures it.
pub async fn measure(
    connections: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let place = store.place(folder).await?;
    let server = Server::start(program, &place)?;
    let mut administrator = server.administrator().await?;
    administrator.realm().await?;
    let request = administrator.service().await?.token_request();
    let length = Connection::open(server.address)
        .await?
        .ask(&request)
        .await?
        .body
        .len();
    let bare = Bare::start(length)?;
    let callers = || {
        vec![
            Same {
                request: request.clone(),
                status: 200
            };
            connections
        ]
    };
    let figure = rounds::measure(
        "tokens",
        format!("client credentials, ES256, {connections} connections"),
        pace.rounds,
        "bare HTTP answers",
        async || bare.answers(callers(), pace.time).await,
        async || http::load(server.address, server.process(), callers(), pace.time).await,
    )
    .await?;
    server.stop()?;
    Ok(vec![figure.at_least(Of::Ratio, MARK)])
}

//! Introspection: a resource server asks whether an access token is good, over HTTP; against bare answers of the same length.

use std::path::Path;

use crate::{
    Outcome,
    bare::Bare,
    http::{self, Connection, Same, request},
    report::Figure,
    rounds::{self, Pace},
    server::{Client, REALM, Server, text},
    store::Store,
};

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
    let client = administrator.service().await?;
    let first = question(&server, &client).await?;
    let said = Connection::open(server.address)
        .await?
        .ask(&first)
        .await?
        .body
        .len();
    let bare = Bare::start(said)?;
    let callers = |request: &[u8]| {
        let request = request.to_owned();
        vec![Same { request, status: 200 }; connections]
    };
    let figure = rounds::measure(
        "introspect",
        format!("a good token, {connections} connections"),
        pace.rounds,
        "bare HTTP answers",
        async || bare.answers(callers(&first), pace.time).await,
        async || {
            let callers = callers(&question(&server, &client).await?);
            http::load(server.address, server.process(), callers, pace.time).await
        },
    )
    .await?;
    server.stop()?;
    Ok(vec![figure])
}

/// The request about a token that is new, and good.
async fn question(server: &Server, client: &Client) -> Outcome<Vec<u8>> {
    let mut connection = Connection::open(server.address).await?;
    let token = connection.ask(&client.token_request()).await?.json(200)?;
    let headers = [
        ("authorization", client.basic()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body = format!("token={}", text(&token, "access_token")?);
    let question = request(
        "POST",
        &format!("/realms/{REALM}/oauth2/introspect"),
        &headers,
        &body,
    );
    let said = connection.ask(&question).await?.json(200)?;
    if said.get("active") == Some(&true.into()) {
        Ok(question)
    } else {
        Err("the token is not good".into())
    }
}

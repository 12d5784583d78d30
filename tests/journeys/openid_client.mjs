// The whole OpenID Connect way with a client library that we did not write: discovery, code with PKCE, id token, refresh,
// userinfo, introspection, revocation, end of session. The person is played by plain requests and a cookie jar.
// Rule protected: what the library checks (issuer, nonce, signature, state, iss) holds without exceptions made for us.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { Person } from "./person.mjs";

const journey = JSON.parse(process.env.JOURNEY);
// Loopback without TLS is the one exception.
const options = { execute: [client.allowInsecureRequests] };
const metadata = { id_token_signed_response_alg: journey.algorithm };
const authentication = journey.client_secret ? client.ClientSecretBasic(journey.client_secret) : client.None();
const config = await client.discovery(new URL(journey.issuer), journey.client_id, metadata, authentication, options);
assert.equal(config.serverMetadata().issuer, journey.issuer);
assert.ok(config.serverMetadata().supportsPKCE("S256"));

async function authorize(person, parameters = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: journey.redirect_uri,
    scope: "openid profile email offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...parameters,
  });
  const back = await person.signIn(url);
  assert.ok(back instanceof URL, "back at the application");
  return { back, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
}

const person = new Person(journey);
const { back, checks } = await authorize(person);
const tokens = await client.authorizationCodeGrant(config, back, checks);
const claims = tokens.claims();
assert.equal(claims.sub, journey.sub);
assert.equal(claims.iss, journey.issuer);
assert.ok(tokens.refresh_token);

const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
assert.equal(userinfo.preferred_username, journey.username);
assert.equal(userinfo.given_name, "Alice");

const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
assert.equal(refreshed.claims().sub, journey.sub);

const resource = await client.discovery(
  new URL(journey.issuer),
  journey.resource_id,
  undefined,
  client.ClientSecretPost(journey.resource_secret),
  options,
);
const asked = () => client.tokenIntrospection(resource, refreshed.access_token);
assert.equal((await asked()).active, true);
assert.ok((await client.clientCredentialsGrant(resource)).access_token);

// The session is there: no form the second time, and max_age is checked by the library against auth_time.
const silent = await authorize(person, { prompt: "none", max_age: "3600" });
await client.authorizationCodeGrant(config, silent.back, { ...silent.checks, maxAge: 3600 });

await client.tokenRevocation(config, refreshed.refresh_token);
assert.equal((await asked()).active, false);
await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), { error: "invalid_grant" });
await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: "invalid_grant" });

const state = client.randomState();
const end = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: journey.post_logout_redirect_uri,
  state,
});
const onward = await person.request(end);
assert.equal(onward.href, `${journey.post_logout_redirect_uri}?state=${state}`);
const after = await person.request(client.buildAuthorizationUrl(config, {
  redirect_uri: journey.redirect_uri,
  scope: "openid",
  prompt: "none",
  state,
  code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
  code_challenge_method: "S256",
}));
assert.equal(after.searchParams.get("error"), "login_required");
console.log("arrived");

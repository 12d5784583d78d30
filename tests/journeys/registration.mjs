// An application that registers by itself with a client library that we did not write, in its ordinary way: discovery from the issuer
// alone, registration, code with PKCE, id token as it was registered (RS256), refresh, userinfo.
// Rule protected: whoever knows nothing but the issuer gets from there to a signed-in person.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { Person } from "./person.mjs";

const journey = JSON.parse(process.env.JOURNEY);
const options = { execute: [client.allowInsecureRequests] };
const metadata = {
  redirect_uris: [journey.redirect_uri],
  client_name: "Registered by a library",
  grant_types: ["authorization_code", "refresh_token"],
  // What this library does unless it is told otherwise.
  token_endpoint_auth_method: "client_secret_post",
};
const registration = { ...options, initialAccessToken: journey.initial_access_token };
const config = await client.dynamicClientRegistration(new URL(journey.issuer), metadata, undefined, registration);
const registered = config.clientMetadata();
assert.equal(registered.id_token_signed_response_alg, "RS256");
assert.ok(registered.client_secret);

const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: journey.redirect_uri,
  scope: "openid profile offline_access",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});
const person = new Person(journey);
const asked = await person.signIn(url);
const back = asked instanceof URL ? asked : await person.allow(asked);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, back, checks);
assert.equal(tokens.claims().sub, journey.sub);
const userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
assert.equal(userinfo.preferred_username, journey.username);
assert.ok((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token);

const managed = await fetch(registered.registration_client_uri, {
  headers: { authorization: `Bearer ${registered.registration_access_token}` },
});
assert.equal((await managed.json()).client_name, metadata.client_name);
await assert.rejects(client.dynamicClientRegistration(new URL(journey.issuer), metadata, undefined, registration));
console.log("arrived");

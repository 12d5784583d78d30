// An application that registers by itself in a realm that keeps FAPI 2.0, with a client library that we did not write: a key of its own
// (private_key_jwt), pushed requests, tokens that are bound by DPoP with the server's nonces.
// Rule protected: what the profile demands is told by discovery and registration, so that a library does it without being told by us.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { exportJWK, generateKeyPair } from "jose";
import { Person } from "./person.mjs";

const journey = JSON.parse(process.env.JOURNEY);
const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const kid = "the-application's-key";
const jwk = { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" };
const metadata = {
  redirect_uris: [journey.redirect_uri],
  client_name: "Strict",
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "private_key_jwt",
  id_token_signed_response_alg: "ES256",
  jwks: { keys: [jwk] },
};
const registration = { execute: [client.allowInsecureRequests], initialAccessToken: journey.initial_access_token };
const authentication = client.PrivateKeyJwt({ key: privateKey, kid });
const config = await client.dynamicClientRegistration(new URL(journey.issuer), metadata, authentication, registration);
assert.equal(config.serverMetadata().require_pushed_authorization_requests, true);
const registered = config.clientMetadata();
assert.equal(registered.dpop_bound_access_tokens, true);
assert.equal(registered.client_secret, undefined);

const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const parameters = {
  redirect_uri: journey.redirect_uri,
  scope: "openid profile offline_access",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
};
const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
const person = new Person(journey);
const asked = await person.signIn(url);
const back = asked instanceof URL ? asked : await person.allow(asked);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
assert.equal(tokens.token_type.toLowerCase(), "dpop");
const userinfo = await client.fetchUserInfo(config, tokens.access_token, journey.sub, { DPoP });
assert.equal(userinfo.preferred_username, journey.username);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
assert.ok(refreshed.access_token);
// The same token without the key is of no use.
await assert.rejects(client.fetchUserInfo(config, refreshed.access_token, journey.sub));
console.log("arrived");

// An application that wants everything signed and encrypted to its own key: the authorization response (JARM), the id token, userinfo. A
// client library that we did not write registers it, decrypts and verifies all of them.
// Rule protected: where encryption was chosen nothing is told in the clear, and what is told is signed as well.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { exportJWK, generateKeyPair } from "jose";
import { Person } from "./person.mjs";

const journey = JSON.parse(process.env.JOURNEY);

for (const [alg, enc, signed] of [
  ["ECDH-ES", "A128CBC-HS256", "ES256"],
  ["RSA-OAEP-256", "A256GCM", "RS256"],
]) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `for-${alg}`;
  const metadata = {
    redirect_uris: [journey.redirect_uri],
    client_name: "Discreet",
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "client_secret_post",
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: "enc" }] },
  };
  for (const what of ["id_token", "userinfo", "authorization"]) {
    metadata[`${what}_signed_response_alg`] = signed;
    metadata[`${what}_encrypted_response_alg`] = alg;
    metadata[`${what}_encrypted_response_enc`] = enc;
  }
  const registration = { execute: [client.allowInsecureRequests], initialAccessToken: journey.initial_access_token };
  const config = await client.dynamicClientRegistration(new URL(journey.issuer), metadata, undefined, registration);
  client.enableDecryptingResponses(config, [enc], { key: privateKey, alg, kid });
  client.useJwtResponseMode(config);
  client.enableNonRepudiationChecks(config);

  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: journey.redirect_uri,
    scope: "openid profile offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    response_mode: "jwt",
    state,
    nonce,
  });
  const person = new Person(journey);
  const asked = await person.signIn(url);
  const back = asked instanceof URL ? asked : await person.allow(asked);
  assert.deepEqual([...back.searchParams.keys()], ["response"], "nothing beside the token");
  assert.equal(back.searchParams.get("response").split(".").length, 5, "encrypted");
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  assert.equal(tokens.id_token.split(".").length, 5, "encrypted");
  assert.equal(tokens.claims().sub, journey.sub);

  const endpoint = config.serverMetadata().userinfo_endpoint;
  const raw = await fetch(endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.match(raw.headers.get("content-type"), /^application\/jwt/);
  assert.equal((await raw.text()).split(".").length, 5, "encrypted");
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, journey.sub);
  assert.equal(userinfo.preferred_username, journey.username);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(refreshed.id_token?.split(".").length ?? 5, 5, "also after a refresh");
}
console.log("arrived");

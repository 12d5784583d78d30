// An application of high security, with the library openid-client: it authenticates by a key of its own, pushes its requests (PAR),
// and its tokens are of no use to anybody else (DPoP). That is the FAPI 2.0 security profile.
//
//     node keys.mjs key.json       prints the key set to register, with token_endpoint_auth_method private_key_jwt
//     node fapi.mjs ISSUER CLIENT_ID PORT key.json https://app.example.com
//
// It listens at 127.0.0.1:PORT, behind a proxy that speaks TLS for https://app.example.com: such an application has a redirect URI with
// https and no other. Here it is https://app.example.com/callback.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import * as client from "openid-client";

const [issuer, clientId, port, keyFile, base] = process.argv.slice(2);

const jwk = JSON.parse(await readFile(keyFile, "utf8"));
const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const config = await client.discovery(
  new URL(issuer),
  clientId,
  undefined,
  client.PrivateKeyJwt({ key, kid: jwk.kid }),
  { execute: issuer.startsWith("http:") ? [client.allowInsecureRequests] : [] },
);
// The key that the tokens are bound to. The library keeps the nonces that the platform asks for, and asks again by itself.
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));

/** One person at a time: an application for many keeps this by a cookie, as sign_in.mjs does. */
let checks;

async function begin() {
  checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
  };
  const location = await client.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: `${base}/callback`,
      scope: "openid profile offline_access",
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: checks.expectedState,
      nonce: checks.expectedNonce,
    },
    { DPoP },
  );
  return { status: 303, headers: { location } };
}

async function finish(url) {
  const tokens = await client.authorizationCodeGrant(config, url, checks, undefined, { DPoP });
  const { sub } = tokens.claims();
  const person = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  return { status: 200, body: `Hello, ${person.preferred_username}.\nYou are ${sub}.\nToken type: ${renewed.token_type}\n` };
}

async function answer(request) {
  const url = new URL(request.url, base);
  if (url.pathname === "/") return begin();
  if (url.pathname === "/callback" && checks) return finish(url);
  return { status: 404, body: "There is nothing here.\n" };
}

createServer(async (request, response) => {
  const { status, headers, body } = await answer(request).catch((error) => ({
    status: 502,
    body: `${error.error ?? error.code ?? error.message}: ${error.error_description ?? ""}\n`,
  }));
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(body);
}).listen(Number(port), "127.0.0.1", () => console.log(`Open http://127.0.0.1:${port}/`));

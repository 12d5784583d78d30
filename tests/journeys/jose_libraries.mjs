// The second opinion of the npm library jose. JOURNEY.stage is `make`: keys and tokens of its own, printed as JSON; or `check`:
// it believes what we signed, and decrypts what we encrypted.
import assert from "node:assert/strict";
import * as jose from "jose";

const journey = JSON.parse(process.env.JOURNEY);

async function make() {
  const made = { keys: [], assertions: [], proofs: [], thumbprints: [] };
  for (const alg of journey.algorithms) {
    const pair = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(pair.publicKey);
    made.keys.push({ ...jwk, kid: `key of ${alg}` });
    made.thumbprints.push(await jose.calculateJwkThumbprint(jwk));
    const sign = (header, claims) =>
      new jose.SignJWT(claims).setProtectedHeader(header).sign(pair.privateKey);
    made.assertions.push(await sign({ alg, kid: `key of ${alg}` }, journey.assertion));
    made.proofs.push(await sign({ alg, typ: "dpop+jwt", jwk }, journey.proof));
  }
  made.by_secret = await new jose.SignJWT(journey.assertion)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(journey.secret));
  const exported = async (alg) => {
    const pair = await jose.generateKeyPair(alg, { extractable: true });
    return [await jose.exportJWK(pair.publicKey), await jose.exportJWK(pair.privateKey)];
  };
  const [rsa, ec] = [await exported("RSA-OAEP-256"), await exported("ECDH-ES")];
  made.recipients = [rsa[0], ec[0]].map((jwk, at) => ({ ...jwk, use: "enc", kid: `recipient ${at}` }));
  made.private = { RSA: rsa[1], EC: ec[1] };
  return made;
}

async function check() {
  const keys = jose.createLocalJWKSet(journey.jwks);
  for (const { token, alg, typ } of journey.tokens) {
    const read = await jose.jwtVerify(token, keys, { algorithms: [alg], typ, issuer: journey.issuer });
    assert.deepEqual(read.payload, journey.claims);
  }
  for (const jwk of journey.jwks.keys) {
    assert.equal(await jose.calculateJwkThumbprint(jwk), jwk.kid);
  }
  for (const { token, alg, enc, kty, content, cty } of journey.encrypted) {
    const key = await jose.importJWK(journey.private[kty], alg);
    const read = await jose.compactDecrypt(token, key, {
      keyManagementAlgorithms: [alg],
      contentEncryptionAlgorithms: [enc],
    });
    assert.equal(new TextDecoder().decode(read.plaintext), content);
    assert.equal(read.protectedHeader.cty ?? null, cty);
    assert.match(read.protectedHeader.kid, /^recipient /);
  }
  return { tokens: journey.tokens.length, encrypted: journey.encrypted.length };
}

console.log(JSON.stringify(await { make, check }[journey.stage]()));

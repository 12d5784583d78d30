// Makes the key by which an application authenticates (private_key_jwt, RFC 7523):
//
//     node keys.mjs FILE
//
// The private key goes to FILE; the public key set, which the application is registered with (`jwks`), is printed.
import { writeFile } from "node:fs/promises";

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", privateKey);
const named = { kty, crv, x, y, kid: "1", alg: "ES256" };
await writeFile(process.argv[2], JSON.stringify({ ...named, d }), { mode: 0o600 });
console.log(JSON.stringify({ keys: [{ ...named, use: "sig" }] }));

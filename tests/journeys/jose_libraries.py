"""The second opinion of the PyPI library joserfc. JOURNEY.stage is `make`: keys and tokens of its own, printed as JSON; or
`check`: it believes what we signed, and decrypts what we encrypted."""

import json
import os
import sys

from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey, import_key

journey = json.loads(os.environ["JOURNEY"])


def generated(alg):
    if alg == "ES256":
        return ECKey.generate_key("P-256")
    if alg == "EdDSA":
        return OKPKey.generate_key("Ed25519")
    return RSAKey.generate_key(2048)


def make():
    made = {"keys": [], "assertions": [], "proofs": [], "thumbprints": []}
    for alg in journey["algorithms"]:
        key = generated(alg)
        public = key.as_dict(private=False)
        made["thumbprints"].append(key.thumbprint())
        made["keys"].append({**public, "kid": f"key of {alg}"})
        named = {"alg": alg, "kid": f"key of {alg}"}
        made["assertions"].append(jwt.encode(named, journey["assertion"], key, algorithms=[alg]))
        bound = {"alg": alg, "typ": "dpop+jwt", "jwk": public}
        made["proofs"].append(jwt.encode(bound, journey["proof"], key, algorithms=[alg]))
    secret = OctKey.import_key(journey["secret"])
    made["by_secret"] = jwt.encode({"alg": "HS256"}, journey["assertion"], secret, algorithms=["HS256"])
    recipients = [RSAKey.generate_key(2048), ECKey.generate_key("P-256")]
    made["recipients"] = [
        {**key.as_dict(private=False), "use": "enc", "kid": f"recipient {at}"} for at, key in enumerate(recipients)
    ]
    made["private"] = {key.key_type: key.as_dict(private=True) for key in recipients}
    return made


def check():
    keys = KeySet.import_key_set(journey["jwks"])
    for signed in journey["tokens"]:
        read = jwt.decode(signed["token"], keys, algorithms=[signed["alg"]])
        assert read.claims == journey["claims"], read.claims
        assert read.header["typ"] == signed["typ"], read.header
    for jwk in journey["jwks"]["keys"]:
        assert import_key(jwk).thumbprint() == jwk["kid"], jwk
    for sealed in journey["encrypted"]:
        key = import_key(journey["private"][sealed["kty"]])
        read = jwe.decrypt_compact(sealed["token"], key, algorithms=[sealed["alg"], sealed["enc"]])
        assert read.plaintext.decode() == sealed["content"]
        assert read.protected.get("cty") == sealed["cty"], read.protected
    return {"tokens": len(journey["tokens"]), "encrypted": len(journey["encrypted"])}


json.dump({"make": make, "check": check}[journey["stage"]](), sys.stdout)

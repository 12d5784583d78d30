"""The second opinion of the PyPI library webauthn on passkeys: it judges the same answers of the same authenticator that we judge."""

import json
import os

from webauthn import base64url_to_bytes, verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException

journey = json.loads(os.environ["JOURNEY"])
# Our authenticator in software writes the origin as a URL, with a slash; browsers write it without.
rp_id, origin = journey["rp_id"], [journey["origin"], journey["origin"] + "/"]


def registered(made):
    return verify_registration_response(
        credential=made["answer"],
        expected_challenge=base64url_to_bytes(made["challenge"]),
        expected_rp_id=rp_id,
        expected_origin=origin,
        require_user_verification=True,
    )


passkey = registered(journey["registration"])


def judged(use):
    """What the library makes of a use: the counter, or that it refuses."""
    try:
        verified = verify_authentication_response(
            credential=use["answer"],
            expected_challenge=base64url_to_bytes(use["challenge"]),
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=passkey.credential_public_key,
            credential_current_sign_count=use["counter"],
            require_user_verification=True,
        )
    except WebAuthnException as refusal:
        return {"refused": str(refusal)}
    return {"counter": verified.new_sign_count, "user_verified": verified.user_verified}


print(
    json.dumps(
        {
            "aaguid": passkey.aaguid,
            "counter": passkey.sign_count,
            "user_verified": passkey.user_verified,
            "device_type": passkey.credential_device_type,
            "uses": [judged(use) for use in journey["uses"]],
        }
    )
)

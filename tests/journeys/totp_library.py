"""The second opinion of the PyPI library pyotp on one-time passwords: it reads our `otpauth` URI, makes the codes that we must
accept, and judges those that we make."""

import json
import os

import pyotp

journey = json.loads(os.environ["JOURNEY"])
device = pyotp.parse_uri(journey["uri"])

print(
    json.dumps(
        {
            "name": device.name,
            "issuer": device.issuer,
            "codes": [device.at(moment) for moment in journey["moments"]],
            "believed": [
                device.verify(code, for_time=moment, valid_window=1)
                for code, moment in zip(journey["codes"], journey["judged_at"])
            ],
        }
    )
)

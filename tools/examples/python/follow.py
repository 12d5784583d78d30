"""Follows the users of all realms in Kafka: one line of JSON for each event, and a complaint where one is missing.

    pip install -r requirements.txt
    BROKERS=localhost:9092 python follow.py            # from the beginning, until it is interrupted
    BROKERS=localhost:9092 UNTIL_END=1 python follow.py  # ends where the topic ends
"""

import json
import os
import sys

from kafka import KafkaConsumer

TOPIC = os.environ.get("TOPIC", "identity.users.v1")
UNTIL_END = bool(os.environ.get("UNTIL_END"))

consumer = KafkaConsumer(
    TOPIC,
    bootstrap_servers=os.environ["BROKERS"].split(","),
    group_id=os.environ.get("GROUP"),
    auto_offset_reset="earliest",
    # What was begun and given up is not shown.
    isolation_level="read_committed",
    consumer_timeout_ms=5_000 if UNTIL_END else float("inf"),
)

# What of each stream was seen in this topic. Partitions come in any order among one another: the chain is whole once
# each event names one before it that was seen, too.
seen, named = {}, {}
for record in consumer:
    headers = {name: value.decode() for name, value in record.headers}
    stream = f"{headers['ce_realmid']}/{headers['ce_lane']}"
    seen.setdefault(stream, set()).add(int(headers["ce_seq"]))
    named.setdefault(stream, set()).add(int(headers["ce_previousseq"]))
    event = {
        "id": headers["ce_id"],
        "type": headers["ce_type"],
        "time": headers["ce_time"],
        "subject": headers.get("ce_subject"),
        "data": json.loads(record.value),
    }
    print(json.dumps(event), flush=True)

missing = {stream: sorted(named[stream] - seen[stream] - {0}) for stream in seen}
missing = {stream: seqs for stream, seqs in missing.items() if seqs}
if missing:
    sys.exit(f"events are missing: {missing}")

"""Logins of librdkafka with TLS: PLAIN, SCRAM, and OAUTHBEARER with a token that has to be renewed on the way."""

import os
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

TOKEN = os.environ["KAFKA_TOKEN"]
COMMON = {
    "bootstrap.servers": os.environ["KAFKA_ADDRESS"],
    "security.protocol": "SASL_SSL",
    "ssl.ca.location": os.environ["KAFKA_CA"],
}
PLAIN = {**COMMON, "sasl.mechanisms": "PLAIN", "sasl.username": "me", "sasl.password": TOKEN}
SCRAM = {
    **COMMON,
    "sasl.mechanisms": "SCRAM-SHA-512",
    "sasl.username": os.environ["KAFKA_TOKEN_ID"],
    "sasl.password": os.environ["KAFKA_TOKEN_OF_ID"],
}
RECORDS = 200

asked = []


def oauth_token(_config):
    asked.append(time.time())
    # librdkafka asks again when 80 % of the time are over.
    return TOKEN, time.time() + 2


BEARER = {**COMMON, "sasl.mechanisms": "OAUTHBEARER", "oauth_cb": oauth_token}

producer = Producer(SCRAM)
consumer = Consumer({**BEARER, "group.id": "readers", "auto.offset.reset": "earliest"})
consumer.subscribe(["secrets"])
seen = []
end = time.monotonic() + 60
sent = 0
while (len(seen) < RECORDS or len(asked) < 3) and time.monotonic() < end:
    if sent < RECORDS:
        producer.produce("secrets", str(sent).encode())
        sent += 1
    producer.poll(0)
    message = consumer.poll(0.02 if sent < RECORDS else 0.5)
    if message is not None and message.error() is None:
        seen.append(int(message.value()))
assert producer.flush(30) == 0
consumer.close()
assert seen == list(range(RECORDS)), f"{len(seen)} records"
assert len(asked) >= 3, f"asked for a token {len(asked)} times"

for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
    topics = AdminClient({**SCRAM, "sasl.mechanisms": mechanism}).list_topics(timeout=10).topics
    assert "secrets" in topics, f"{mechanism}: {topics}"

for wrong in (
    {**PLAIN, "sasl.password": "ph_nothing"},
    {**PLAIN, "sasl.mechanisms": "SCRAM-SHA-256"},
    {**SCRAM, "sasl.password": TOKEN},
):
    try:
        AdminClient({**wrong, "socket.timeout.ms": 3000}).list_topics(timeout=3)
    except KafkaException:
        continue
    raise AssertionError("a wrong login was taken")
print(f"{RECORDS} records by SCRAM and OAUTHBEARER over TLS; wrong logins refused")

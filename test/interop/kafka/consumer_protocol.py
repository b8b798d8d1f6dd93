"""Two members of a group by the consumer protocol (KIP-848): partitions change hands, and no record is left out."""

import os
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

ADDRESS = os.environ["KAFKA_ADDRESS"]
PARTITIONS = 4
RECORDS = 400
TOPIC = "assigned"

admin = AdminClient({"bootstrap.servers": ADDRESS})
for future in admin.create_topics([NewTopic(TOPIC, PARTITIONS)]).values():
    future.result()
producer = Producer({"bootstrap.servers": ADDRESS})


def member():
    consumer = Consumer(
        {
            "bootstrap.servers": ADDRESS,
            "group.id": "assigned-readers",
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    return consumer


seen = []


def poll(consumer, seconds=0.1):
    message = consumer.poll(seconds)
    if message is not None and message.error() is None:
        seen.append(int(message.value()))
        consumer.commit(message, asynchronous=False)


def until(is_done, *consumers):
    end = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < end, f"{len(seen)} records, {[len(each.assignment()) for each in consumers]}"
        for consumer in consumers:
            poll(consumer)


def send(start, stop):
    for at in range(start, stop):
        producer.produce(TOPIC, str(at).encode(), partition=at % PARTITIONS)
    assert producer.flush(30) == 0


first = member()
send(0, 100)
until(lambda: len(seen) == 100, first)
second = member()
until(lambda: [len(each.assignment()) for each in (first, second)] == [2, 2], first, second)
send(100, 200)
until(lambda: len(seen) == 200, first, second)
described = admin.describe_consumer_groups(["assigned-readers"])["assigned-readers"].result()
assert len(described.members) == 2, described.members
first.close()
send(200, RECORDS)
until(lambda: len(seen) == RECORDS, second)
second.close()
assert sorted(seen) == list(range(RECORDS)), f"{len(seen)} records, {len(set(seen))} of them different"

by_regex = Consumer(
    {
        "bootstrap.servers": ADDRESS,
        "group.id": "assigned-by-regex",
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
    }
)
by_regex.subscribe(["^assig.*d$"])
seen.clear()
until(lambda: len(seen) == RECORDS, by_regex)
by_regex.close()
print(f"{RECORDS} records once each, through 1, 2 and 1 members; and again by a regular expression")

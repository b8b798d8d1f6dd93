"""Two clients of one group, one after the other: the second goes on where the first has left off."""

import os
import time

from confluent_kafka import Consumer, Producer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

ADDRESS = os.environ["KAFKA_ADDRESS"]
RECORDS = 1_000
HALF = 400

producer = KafkaProducer(bootstrap_servers=ADDRESS)
for at in range(RECORDS // 2):
    producer.send("numbers", str(at).encode())
producer.flush()

other = Producer({"bootstrap.servers": ADDRESS, "enable.idempotence": True})
for at in range(RECORDS // 2, RECORDS):
    other.produce("numbers", str(at).encode())
assert other.flush(30) == 0

first = KafkaConsumer("numbers", bootstrap_servers=ADDRESS, group_id="readers", auto_offset_reset="earliest")
seen = [int(next(first).value) for _ in range(HALF)]
assert seen == list(range(HALF)), seen[:10]
first.commit()
assert first.end_offsets([TopicPartition("numbers", 0)]) == {TopicPartition("numbers", 0): RECORDS}
first.close()

second = Consumer({"bootstrap.servers": ADDRESS, "group.id": "readers", "auto.offset.reset": "earliest"})
second.subscribe(["numbers"])
end = time.monotonic() + 60
while len(seen) < RECORDS and time.monotonic() < end:
    message = second.poll(0.5)
    if message is not None and message.error() is None:
        seen.append(int(message.value()))
second.commit(asynchronous=False)
second.close()
assert seen == list(range(RECORDS)), f"{len(seen)} records"
print(f"{RECORDS} records through two clients of one group, in order, none twice")

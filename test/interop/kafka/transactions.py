"""Each number of one topic is doubled into another in transactions. Some are aborted, and one producer is replaced by another."""

import json
import os

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

ADDRESS = os.environ["KAFKA_ADDRESS"]
RECORDS = 500
BATCH = 50


def transactional() -> Producer:
    producer = Producer({"bootstrap.servers": ADDRESS, "transactional.id": "doubling", "transaction.timeout.ms": 20_000})
    producer.init_transactions(30)
    return producer


def consumer(group: str, topic: str) -> Consumer:
    made = Consumer(
        {
            "bootstrap.servers": ADDRESS,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    made.subscribe([topic])
    return made


plain = Producer({"bootstrap.servers": ADDRESS})
for at in range(RECORDS):
    plain.produce("inputs", json.dumps(at))
assert plain.flush(30) == 0

reader = consumer("doublers", "inputs")
producer = transactional()
handled, aborted, position = 0, 0, 0
while handled < RECORDS:
    messages = [message for message in reader.consume(BATCH, 5.0) if message.error() is None]
    if not messages:
        continue
    producer.begin_transaction()
    for message in messages:
        producer.produce("outputs", json.dumps(2 * json.loads(message.value())))
    end = messages[-1].offset() + 1
    offsets = [TopicPartition("inputs", 0, end)]
    producer.send_offsets_to_transaction(offsets, reader.consumer_group_metadata(), 30)
    if handled // BATCH % 3 == 1 and aborted <= handled // BATCH // 3:
        producer.abort_transaction(30)
        aborted += 1
        reader.seek(TopicPartition("inputs", 0, messages[0].offset()))
        continue
    producer.commit_transaction(30)
    handled += len(messages)
    position = end
assert aborted > 0
committed = reader.committed([TopicPartition("inputs", 0)], 30)[0].offset
assert committed == position == RECORDS, (committed, position)
reader.close()

producer.begin_transaction()
producer.produce("outputs", '"lost"')
producer.flush(30)
other = transactional()
try:
    producer.commit_transaction(30)
    raise AssertionError("a producer that was replaced has committed")
except KafkaException as problem:
    assert problem.args[0].fatal(), problem
other.begin_transaction()
other.produce("outputs", '"last"')
other.commit_transaction(30)

seen: list[object] = []
outputs = consumer("checkers", "outputs")
while not seen or seen[-1] != "last":
    message = outputs.poll(20)
    assert message is not None, f"nothing after {len(seen)} records"
    if message.error() is None:
        seen.append(json.loads(message.value()))
outputs.close()
assert seen == [2 * at for at in range(RECORDS)] + ["last"], f"{len(seen)} records: {seen[:5]}"
print(f"{RECORDS} records once and in order, over {aborted} aborted transactions and a producer that was replaced")

"""RabbitMQ's tutorials with pika and aio-pika: queues, work, fanout, routing, topics, RPC, confirms; and what programs do beside."""

import asyncio
import os
import threading
import time
import uuid

import aio_pika
import pika

URL = os.environ["AMQP_URL"]
TIMEOUT_S = 30


def connect():
    return pika.BlockingConnection(pika.URLParameters(URL))


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} is not {wanted!r}")


def receive(connection, channel, queue, count, **options):
    """Takes so many messages with a callback, as the tutorials do."""
    taken = []

    def callback(ch, method, properties, body):
        taken.append((method, properties, body))
        if not options.get("auto_ack"):
            ch.basic_ack(delivery_tag=method.delivery_tag)
        if len(taken) == count:
            ch.stop_consuming()

    connection.call_later(TIMEOUT_S, channel.stop_consuming)
    channel.basic_consume(queue=queue, on_message_callback=callback, **options)
    channel.start_consuming()
    equal(len(taken), count, f"messages of {queue}")
    return taken


def hello():
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue="hello")
    channel.basic_publish(exchange="", routing_key="hello", body="Hello World!")
    [(_, _, body)] = receive(connection, channel, "hello", 1, auto_ack=True)
    equal(body, b"Hello World!", "the body")
    connection.close()


def work_queue():
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue="task_queue", durable=True, arguments={"x-queue-type": "quorum"})
    persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
    for number in range(5):
        channel.basic_publish(exchange="", routing_key="task_queue", body=f"task {number}", properties=persistent)
    channel.basic_qos(prefetch_count=1)
    taken = receive(connection, channel, "task_queue", 5)
    equal([body for _, _, body in taken], [b"task %d" % number for number in range(5)], "tasks in their order")
    connection.close()


def routed(exchange_type, keys, published, wanted):
    connection = connect()
    channel = connection.channel()
    exchange = f"logs {exchange_type}"
    channel.exchange_declare(exchange=exchange, exchange_type=exchange_type)
    queue = channel.queue_declare(queue="", exclusive=True).method.queue
    for key in keys:
        channel.queue_bind(exchange=exchange, queue=queue, routing_key=key)
    for key in published:
        channel.basic_publish(exchange=exchange, routing_key=key, body=key)
    taken = receive(connection, channel, queue, len(wanted), auto_ack=True)
    equal([method.routing_key for method, _, _ in taken], wanted, f"messages of {exchange_type}")
    connection.close()


def rpc():
    ready, stopped = threading.Event(), threading.Event()

    def serve():
        connection = connect()
        channel = connection.channel()
        channel.queue_declare(queue="rpc_queue")

        def on_request(ch, method, props, body):
            properties = pika.BasicProperties(correlation_id=props.correlation_id)
            ch.basic_publish(exchange="", routing_key=props.reply_to, properties=properties, body=str(int(body) * 2))
            ch.basic_ack(delivery_tag=method.delivery_tag)

        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue="rpc_queue", on_message_callback=on_request)
        ready.set()
        while not stopped.is_set():
            connection.process_data_events(time_limit=0.1)
        connection.close()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    ready.wait(TIMEOUT_S)
    connection = connect()
    channel = connection.channel()
    callback_queue = channel.queue_declare(queue="", exclusive=True).method.queue
    for reply_to in (callback_queue, "amq.rabbitmq.reply-to"):
        replies = {}
        on_reply = lambda ch, method, props, body: replies.update({props.correlation_id: body})
        tag = channel.basic_consume(queue=reply_to, on_message_callback=on_reply, auto_ack=True)
        request = str(uuid.uuid4())
        properties = pika.BasicProperties(reply_to=reply_to, correlation_id=request)
        channel.basic_publish(exchange="", routing_key="rpc_queue", properties=properties, body="21")
        until = time.monotonic() + TIMEOUT_S
        while request not in replies and time.monotonic() < until:
            connection.process_data_events(time_limit=0.1)
        equal(replies.get(request), b"42", f"the reply by {reply_to}")
        channel.basic_cancel(tag)
    stopped.set()
    server.join(TIMEOUT_S)
    connection.close()


def confirms():
    connection = connect()
    channel = connection.channel()
    queue = channel.queue_declare(queue="", exclusive=True).method.queue
    channel.confirm_delivery()
    channel.basic_publish(exchange="", routing_key=queue, body="kept", mandatory=True)
    try:
        channel.basic_publish(exchange="", routing_key="nowhere at all", body="lost", mandatory=True)
        raise AssertionError("an unroutable message was taken")
    except pika.exceptions.UnroutableError:
        pass
    method, _, body = channel.basic_get(queue, auto_ack=True)
    equal((body, method.message_count), (b"kept", 0), "what basic.get takes")
    equal(channel.basic_get(queue)[0], None, "an empty queue")
    connection.close()


def transactions():
    connection = connect()
    channel = connection.channel()
    queue = channel.queue_declare(queue="", exclusive=True).method.queue
    channel.tx_select()
    channel.basic_publish(exchange="", routing_key=queue, body="undone")
    channel.tx_rollback()
    channel.basic_publish(exchange="", routing_key=queue, body="done")
    channel.tx_commit()
    equal(channel.basic_get(queue, auto_ack=True)[2], b"done", "what was committed")
    channel.tx_commit()
    equal(channel.basic_get(queue)[0], None, "what was rolled back")
    connection.close()


def errors():
    connection = connect()
    for run, code in [
        (lambda ch: ch.queue_declare("nowhere", passive=True), 404),
        (lambda ch: ch.exchange_declare("amq.own"), 403),
        (lambda ch: ch.basic_publish("nowhere", "x", b"") or ch.queue_declare("after"), 404),
    ]:
        try:
            run(connection.channel())
            raise AssertionError(f"no error {code}")
        except pika.exceptions.ChannelClosedByBroker as error:
            equal(error.reply_code, code, "the code")
    connection.channel().close()
    connection.close()


def select_connection():
    """Pika's connection with callbacks."""
    seen = []

    def on_message(channel, method, properties, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)
        if len(seen) == 3:
            channel.connection.close()

    def on_declared(channel, frame):
        queue = frame.method.queue
        channel.confirm_delivery(lambda frame: None)
        for number in range(3):
            channel.basic_publish("", queue, b"%d" % number)
        channel.basic_consume(queue, on_message)

    def on_channel(channel):
        channel.queue_declare("", exclusive=True, callback=lambda frame: on_declared(channel, frame))

    connection = pika.SelectConnection(
        pika.URLParameters(URL),
        on_open_callback=lambda connection: connection.channel(on_open_callback=on_channel),
        on_close_callback=lambda connection, reason: connection.ioloop.stop(),
    )
    connection.ioloop.start()
    equal(seen, [b"0", b"1", b"2"], "messages by callbacks")


async def robust():
    """Aio-pika's robust connection."""
    connection = await aio_pika.connect_robust(URL)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=10)
        exchange = await channel.declare_exchange("robust logs", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue("robust queue", durable=True, arguments={"x-max-priority": 5})
        await queue.bind(exchange, "orders.#")
        headers = {"tries": 3, "ratio": 0.5, "tags": ["a", "b"], "inner": {"yes": True}, "nothing": None}
        message = aio_pika.Message(b"body", headers=headers, priority=3, delivery_mode=2, expiration=60)
        await exchange.publish(message, routing_key="orders.eu")
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    equal((message.body, message.priority, message.headers), (b"body", 3, headers), "a message")
                break
        transaction = (await connection.channel(publisher_confirms=False)).transaction()
        async with transaction:
            await transaction.channel.default_exchange.publish(aio_pika.Message(b"in it"), routing_key=queue.name)
        equal((await queue.get(timeout=5)).body, b"in it", "what a transaction has published")
        await queue.delete(if_unused=False, if_empty=False)


def main():
    tests = {
        "hello world": hello,
        "work queues": work_queue,
        "publish and subscribe": lambda: routed("fanout", [""], ["a", "b"], ["a", "b"]),
        "routing": lambda: routed("direct", ["info", "error"], ["info", "debug", "error"], ["info", "error"]),
        "topics": lambda: routed(
            "topic", ["kern.*", "*.critical", "lazy.#"], ["kern.a", "a.critical", "lazy", "x.y", "lazy.a.b"],
            ["kern.a", "a.critical", "lazy", "lazy.a.b"],
        ),
        "RPC": rpc,
        "publisher confirms": confirms,
        "transactions": transactions,
        "errors": errors,
        "a connection with callbacks": select_connection,
        "aio-pika": lambda: asyncio.run(robust()),
    }
    failed = []
    for name, test in tests.items():
        try:
            test()
            print(f"ok: {name}", flush=True)
        except BaseException as error:
            failed.append(name)
            print(f"not ok: {name}: {error!r}", flush=True)
    raise SystemExit(1 if failed else 0)


main()

"""The newsletter of the course material, with pika: it has to run against Posthorn as it runs against RabbitMQ."""

import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.exchange_declare(exchange='email_dlx', exchange_type='fanout')
channel.queue_declare(queue='email_dead')
channel.queue_bind(queue='email_dead', exchange='email_dlx')
message = b'{"to": "ada@example.com"}'

# Word for word.
channel.queue_declare(queue='email_queue', arguments={'x-max-priority': 10, 'x-dead-letter-exchange': 'email_dlx', 'x-message-ttl': 86400000})
channel.basic_publish(exchange='', routing_key='email_queue', body=message, properties=pika.BasicProperties(priority=10))

channel.basic_publish(exchange='', routing_key='email_queue', body=b'low', properties=pika.BasicProperties(priority=1))
received = []


def on_message(channel, method, properties, body):
    received.append((body, properties.priority))
    if body == b'low':
        channel.basic_nack(method.delivery_tag, requeue=False)
    else:
        channel.basic_ack(method.delivery_tag)
    if len(received) == 2:
        channel.stop_consuming()


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue='email_queue', on_message_callback=on_message)
channel.start_consuming()
assert received == [(message, 10), (b'low', 1)], received

method = None
while method is None:
    method, properties, body = channel.basic_get('email_dead', auto_ack=True)
assert (body, properties.priority) == (b'low', 1), (body, properties)

channel.queue_delete('email_queue')
channel.queue_delete('email_dead')
channel.exchange_delete('email_dlx')
connection.close()
print('the newsletter was delivered, and what was rejected is a dead letter')

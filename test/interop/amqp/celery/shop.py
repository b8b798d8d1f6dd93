"""A Celery application: the tasks of a shop."""

import os
import time

from celery import Celery
from kombu import Exchange, Queue

app = Celery("shop", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    task_queues=[
        Queue("celery", Exchange("celery"), routing_key="celery", queue_arguments={"x-max-priority": 10}),
        Queue("mails", Exchange("shop", type="topic"), routing_key="mail.#"),
    ],
    task_routes={"shop.mail": {"queue": "mails", "routing_key": "mail.welcome"}},
    task_default_priority=5,
)

tries = 0


@app.task
def add(x, y):
    return x + y


@app.task(bind=True, max_retries=5)
def flaky(self, failures):
    """Fails as often as it is told, each time with a retry after a while."""
    if self.request.retries < failures:
        raise self.retry(countdown=0.2, exc=ValueError("not yet"))
    return self.request.retries


@app.task
def mail(to):
    return f"to {to}"


@app.task
def log(path, text):
    with open(path, "a") as file:
        file.write(text + "\n")


@app.task
def wait(seconds):
    time.sleep(seconds)
    return time.time()


@app.task
def broken():
    raise RuntimeError("broken")

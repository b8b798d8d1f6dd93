"""Runs a worker of the shop and gives it work: results, retries, countdowns, priorities, remote control, a killed worker."""

import os
import signal
import subprocess
import sys
import tempfile
import time

from celery import chain, group
from shop import add, app, broken, flaky, log, mail, wait

TIMEOUT_S = 60


def start_worker(name="worker"):
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool", "prefork", "--concurrency", "1"]
    command += ["--hostname", f"{name}@host", "--events", "--loglevel", os.environ.get("CELERY_LOG", "ERROR")]
    process = subprocess.Popen(command, start_new_session=True)
    until(lambda: app.control.ping(destination=[f"{name}@host"], timeout=2), "a worker answers pings")
    return process


def until(condition, what):
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {TIMEOUT_S} s: {what}")
        time.sleep(0.1)
    print(f"ok: {what}", flush=True)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} is not {wanted!r}")
    print(f"ok: {what}", flush=True)


def check_results():
    equal(add.delay(2, 3).get(timeout=TIMEOUT_S), 5, "a result comes back")
    equal(mail.delay("ada").get(timeout=TIMEOUT_S), "to ada", "a task is routed by a topic exchange")
    jobs = group(add.s(n, n) for n in range(20)).apply_async()
    equal(jobs.get(timeout=TIMEOUT_S), [2 * n for n in range(20)], "a group of tasks")
    equal(chain(add.s(1, 2), add.s(3)).apply_async().get(timeout=TIMEOUT_S), 6, "a chain of tasks")
    failed = broken.delay()
    equal(type(failed.get(timeout=TIMEOUT_S, propagate=False)).__name__, "RuntimeError", "an error comes back")


def check_times():
    equal(flaky.delay(3).get(timeout=TIMEOUT_S), 3, "retries with a countdown")
    before = time.time()
    # More than the prefetch: those that wait for their time must not keep the others back.
    later = [wait.apply_async((0,), countdown=3) for _ in range(6)]
    equal(add.delay(1, 1).get(timeout=TIMEOUT_S), 2, "a task is done while others wait for their time")
    equal(time.time() - before < 3, True, "it was done before their time")
    times = [result.get(timeout=TIMEOUT_S) for result in later]
    equal(all(at - before >= 2.9 for at in times), True, "countdowns are kept")


def check_priorities(path):
    blocker = wait.delay(2)
    time.sleep(0.5)
    for priority in [1, 9, 5, 1, 9]:
        log.apply_async((path, str(priority)), priority=priority)
    blocker.get(timeout=TIMEOUT_S)
    until(lambda: os.path.exists(path) and len(open(path).read().split()) == 5, "all priorities are done")
    # One task was with the worker before the others came.
    found = open(path).read().split()
    equal(sorted(found[1:], reverse=True), found[1:], "the urgent ones come first")


def check_control(name):
    inspect = app.control.inspect(timeout=5)
    equal(list(inspect.ping() or {}), [f"{name}@host"], "inspect ping")
    queues = inspect.active_queues()[f"{name}@host"]
    equal(sorted(queue["name"] for queue in queues), ["celery", "mails"], "inspect active queues")
    equal("shop.add" in inspect.registered()[f"{name}@host"], True, "inspect registered tasks")
    revoked = add.apply_async((1, 1), countdown=2)
    app.control.revoke(revoked.id, reply=True, timeout=5)
    equal(type(revoked.get(timeout=TIMEOUT_S, propagate=False)).__name__, "TaskRevokedError", "a task is revoked")
    app.control.add_consumer("extra", reply=True, timeout=5)
    equal(add.apply_async((4, 4), queue="extra").get(timeout=TIMEOUT_S), 8, "a queue is added to a running worker")
    equal(app.control.cancel_consumer("extra", reply=True, timeout=5) != [], True, "and taken away")


def check_events():
    seen = []
    with app.connection_for_read() as connection:
        def see(event):
            seen.append(event)
            receiver.should_stop = True

        receiver = app.events.Receiver(connection, handlers={"task-succeeded": see})
        add.apply_async((7, 7), countdown=1)
        receiver.capture(limit=None, timeout=TIMEOUT_S)
    equal(len(seen) >= 1, True, "events of workers")


def check_kill(worker, path):
    log.apply_async((path, "first"))
    slow = wait.delay(3)
    time.sleep(1)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    other = start_worker("other")
    equal(slow.get(timeout=TIMEOUT_S) > 0, True, "the task of a killed worker is done by another")
    return other


def main():
    worker = start_worker()
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_results()
            check_times()
            check_priorities(os.path.join(folder, "priorities"))
            check_control("worker")
            check_events()
            worker = check_kill(worker, os.path.join(folder, "log"))
            equal(app.control.purge() >= 0, True, "queues are purged")
            app.control.shutdown(destination=["other@host"])
            worker.wait(TIMEOUT_S)
            print("ok: a worker is shut down by remote control")
        finally:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


main()

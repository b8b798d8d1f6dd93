"""The real broker as a process of its own, as `npm start` runs it, which tests may kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
KEPT_BUNDLE = ROOT / "test/support/broker/with-kept-bundle.ts"
START_S_MAX = 60.0


class Broker:
    """A broker on a free port, with its data in a folder. It and its runtime are one process group."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        env = {**os.environ, "PORT": str(port), "HOST": "", "POSTHORN_ROOT_TOKEN": "", "POSTHORN_DATA": str(folder)}
        env["POSTHORN_AMQP_PORT"] = "0"
        env["POSTHORN_KAFKA_PORT"] = "0"
        node = os.environ.get("POSTHORN_NODE") or str(ROOT / "node_modules/.bin/node")
        self._process = subprocess.Popen(
            # It takes the bundle of the test run, instead of building one at each start.
            [node, "--import", KEPT_BUNDLE.as_uri(), str(ROOT / "scripts/serve.ts"), "--json"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line == "":
            assert self._process.stderr is not None
            raise RuntimeError(f"the broker did not start: {self._process.stderr.read()}")
        info: dict[str, Any] = json.loads(line)
        self.url: str = info["url"]
        self.runtime_pid: int = info["workerdPid"]

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    def kill_runtime(self) -> None:
        """Kills the runtime alone, which the broker starts again."""
        os.kill(self.runtime_pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kills all of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._close()

    def stop(self) -> None:
        self._process.terminate()
        self._close()

    def _close(self) -> None:
        self._process.wait(START_S_MAX)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def until(what: str, is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for a state."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)

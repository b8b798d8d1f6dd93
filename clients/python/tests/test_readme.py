"""The code of the README runs as it stands, and prints what the README says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
SOURCES = README.parent / "src"


def blocks(first_line: str = "") -> list[str]:
    found = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in found if first_line in block]


def start(block: str, url: str) -> subprocess.Popen[str]:
    code = block.replace("http://127.0.0.1:8787", url)
    env = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([sys.executable, "-W", "error", "-c", code], env=env, text=True, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("part", "output"),
    [
        ('"orders"', "1 0 customer-7 {'total': 12}\n"),
        ('"charges"', "ValueError no amount 2\n"),
        ('"invoices"', "{'debit': 12} {'item': 'tea', 'price': 3}\n"),
        ("asyncio.run", "image 7\n"),
        ('get("nothing")', "topic_not_found 404 False\n"),
    ],
)
def test_prints_what_it_says(url: str, part: str, output: str) -> None:
    [block] = blocks(part)
    process = start(block, url)
    stdout, _ = process.communicate(timeout=60)
    assert (stdout, process.returncode) == (output, 0)


@pytest.mark.parametrize(
    ("part", "output", "stop"),
    [
        ('"mails"', "sending to ada@example.com\n", signal.SIGINT),
        ('"sales"', "billing customer-7 {'total': 12}\n", signal.SIGTERM),
    ],
)
def test_stops_consumers_by_signals(url: str, part: str, output: str, stop: signal.Signals) -> None:
    [job] = blocks(part)
    [on_signal] = blocks("SIGTERM")
    # A shell has background jobs ignore SIGINT, and their children inherit that.
    as_terminal = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    process = start(as_terminal + on_signal + job, url)
    assert process.stdout is not None
    assert process.stdout.readline() == output
    process.send_signal(stop)
    assert process.wait(60) == (0 if stop == signal.SIGTERM else -signal.SIGINT)
    process.stdout.close()


def test_has_no_other_code() -> None:
    assert len(blocks()) == 8

"""The Python of docs/how-to runs as it stands, and prints what it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "clients/python/src"


def block_of(page: str, url: str) -> str:
    text = (ROOT / "docs/how-to" / page).read_text().replace("http://127.0.0.1:8787", url)
    [block] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert isinstance(block, str)
    return block


@pytest.mark.parametrize(
    ("page", "output"),
    [
        ("browser.md", "ph_\n"),
        ("deploying.md", "stored\n"),
        ("exactly-once.md", "{'paid': 12}\n"),
        ("request-and-reply.md", "{'item': 'tea', 'price': 3}\n"),
    ],
)
def test_prints_what_it_should(url: str, page: str, output: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(SOURCES), "POSTHORN_URL": url}
    command = [sys.executable, "-W", "error", "-c", block_of(page, url)]
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, timeout=60, check=True)
    assert done.stdout == output


def test_starts_a_broker_in_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(block_of("testing.md", ""))
    (tmp_path / "test_it.py").write_text("def test_it(posthorn):\n    assert posthorn.queues.declare('q')['queue'] == 'q'\n")
    env = {**os.environ, "PYTHONPATH": str(SOURCES), "POSTHORN": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, timeout=120, check=False)
    assert "1 passed" in done.stdout, done.stdout

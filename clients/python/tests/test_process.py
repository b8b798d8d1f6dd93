"""The client as a package, and in processes: installation, forks, and the end of a program."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]


def run(code: str, *args: str, path: Path = FOLDER / "src") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, env=env, text=True, capture_output=True, timeout=60, check=False)


def test_installs_from_its_folder_with_its_types(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*pip, "wheel", *options, str(FOLDER)], check=True, timeout=120)
    [wheel] = tmp_path.glob("posthorn-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert "posthorn/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "src"))]
    done = run("import posthorn; print(posthorn.__version__, posthorn.Posthorn.__name__)", path=tmp_path / "site")
    assert (done.stdout, done.stderr) == ("0.1.0 Posthorn\n", "")


def test_says_that_it_does_not_survive_a_fork(url: str) -> None:
    code = """
import os, sys
from posthorn import Posthorn, PosthornError
posthorn = Posthorn(sys.argv[1])
posthorn.topics.list()
if os.fork() == 0:
    try:
        posthorn.topics.list()
    except PosthornError as error:
        print(error.code, "fork" in str(error))
    with Posthorn(sys.argv[1]) as other:
        print(type(other.topics.list()).__name__)
    posthorn.close()
    sys.exit(0)
os.wait()
posthorn.close()
"""
    assert run(code, url).stdout == "closed True\nlist\n"


def test_ends_with_the_program_that_forgot_to_close_it(url: str, name: str) -> None:
    code = """
import sys
from posthorn import Posthorn
posthorn = Posthorn(sys.argv[1])
posthorn.topics.declare(sys.argv[2])
posthorn.queues.declare(sys.argv[2])
producer = posthorn.producer()
print(producer.send(sys.argv[2], 1).result().offset)
consumer = posthorn.consumer(sys.argv[2], print)
reading = iter(posthorn.reader(sys.argv[2]))
print(next(reading).json())
"""
    done = run(code, url, name)
    assert (done.stdout, done.returncode) == ("0\n1\n", 0)


def test_ends_its_thread_when_nobody_holds_it(url: str) -> None:
    code = """
import sys, threading, time
from posthorn import Posthorn
def use():
    Posthorn(sys.argv[1]).topics.list()
use()
end = time.monotonic() + 20
while threading.active_count() > 1 and time.monotonic() < end:
    time.sleep(0.01)
print(threading.active_count())
"""
    assert run(code, url).stdout == "1\n"

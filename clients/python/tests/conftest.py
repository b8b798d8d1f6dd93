"""Fixtures: one broker for all tests, and a namespace of names for each."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from posthorn import Posthorn


@pytest.fixture(scope="session", autouse=True)
def _kept_bundle(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["POSTHORN_TEST_FOLDER"] = str(tmp_path_factory.mktemp("posthorn"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("data"))
    yield broker
    broker.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For a broker that a test kills."""
    return tmp_path / "data"


@pytest.fixture
def url(broker: Broker) -> str:
    return broker.url


@pytest.fixture
def posthorn(url: str) -> Iterator[Posthorn]:
    with Posthorn(url) as posthorn:
        yield posthorn


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"n{uuid.uuid4().hex[:12]}"

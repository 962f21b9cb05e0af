from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from patchbay.cli.demo.front.authority import make_identity
from patchbay.cli.demo.front.tls_front import TlsFront
from patchbay.cli.demo.loop_thread import LoopThread
from patchbay.cli.demo.practice.server import DATABASE, PracticeDatabase, open_practice

READER, READER_PASSWORD = "reader", "the reader's own"


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> PracticeDatabase:
    practice = open_practice(tmp_path_factory.mktemp("practice"))
    with psycopg.connect(practice.conninfo, autocommit=True) as owner:
        owner.execute("CREATE ROLE reader LOGIN PASSWORD 'the reader''s own'")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; GRANT USAGE ON SCHEMA public TO reader")
    return practice


@pytest.fixture
def owner(practice: PracticeDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(practice.conninfo) as connection:
        connection.read_only = True
        yield connection


@dataclass
class RunningFront:
    front: TlsFront
    port: int
    ca: Path
    loop: LoopThread

    def kwargs(self, **others: Any) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.port, "dbname": DATABASE, "user": READER, "password": READER_PASSWORD,
            "sslmode": "verify-full", "sslrootcert": str(self.ca), "connect_timeout": 10, **others,
        }  # fmt: skip


@pytest.fixture
def front(practice: PracticeDatabase, tmp_path: Path) -> Iterator[RunningFront]:
    identity = make_identity()
    ca = tmp_path / "ca.pem"
    ca.write_text(identity.ca_pem)
    with LoopThread("front") as loop:
        front = TlsFront(practice.socket, identity.context, frozenset({READER}), max_connections=24, negotiation_s=2.0)
        port = loop.call(front.start())
        yield RunningFront(front, port, ca, loop)
        loop.call(front.stop())

"""The demo on a database of the user's, reached over TLS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

if TYPE_CHECKING:
    from tests.servers.postgres import PostgresServer

SCHEMA = """
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, monthly numeric(8,2) NOT NULL);
CREATE TABLE members (
    id int PRIMARY KEY, name text NOT NULL, phone text, ssn text, city text, plan_id int NOT NULL REFERENCES plans (id));
CREATE INDEX members_phone ON members (phone);
INSERT INTO plans VALUES (1, 'Basic', 19.00), (2, 'Gold', 59.50);
INSERT INTO members
    SELECT i, 'Member ' || i, '+1206555' || lpad((100 + i)::text, 4, '0'), '000-00-000' || i, 'Fairmont', 1 + i % 2
    FROM generate_series(1, 60) i;
CREATE TABLE walk_ins (id int PRIMARY KEY, name text NOT NULL, phone text, seen_at timestamp);
CREATE INDEX walk_ins_phone ON walk_ins (phone);
INSERT INTO walk_ins
    SELECT i, 'Walk-in ' || i, '(206) 555-' || lpad((100 + i)::text, 4, '0'), '2026-01-01 09:00' FROM generate_series(1, 50) i;
ANALYZE;
"""


@pytest.fixture(scope="module")
def url(tls_postgres: PostgresServer) -> str:
    made = tls_postgres.create_database(sql=SCHEMA)
    query = urlencode({"sslmode": "verify-full", "sslrootcert": tls_postgres.ca_file})
    login = f"{quote(made['user'])}:{quote(made['password'], safe='')}"
    return f"postgresql://{login}@{made['host']}:{made['port']}/{made['database']}?{query}"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


Demo = Callable[..., tuple[int, str]]


@pytest.fixture
def demo(data_dir: Path) -> Demo:
    """Runs the demo with an egress allow-list and options; gives the exit code and all it showed, in one line."""

    def run(allow: str, *options: str) -> tuple[int, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PATCHBAY_", "DATABASE_URL", "PG"))}
        env = {**kept, "PATCHBAY_DATA_DIR": str(data_dir), "PATCHBAY_PORT": "0", "PATCHBAY_EGRESS_ALLOW": allow, "COLUMNS": "110"}
        command = [sys.executable, "-c", "from patchbay.cli.main import run; run()", "demo", *options]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)
        print(done.stdout, done.stderr, sep="\n")
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, " ".join(done.stdout.split())

    return run


def test_nobody_chooses_so_it_says_what_it_took_and_answers_from_the_row(demo: Demo, url: str) -> None:
    code, shown = demo("127.0.0.1/32", "--database-url", url, "--ask", "Please look up the member with phone +1 206 555 0107")
    assert code == 0
    assert "the first is taken: members by phone, reading back name, city, plan.name" in shown
    said = shown.split("A caller asks")[1].split("The receipt")[0]
    assert "1 row" in said
    assert "Member 7" in said.partition("agent ")[2]
    assert "Gold" in said.partition("agent ")[2]
    assert "000-00-0007" not in shown
    assert "practice" not in shown


def test_what_is_asked_for_is_bound(demo: Demo, url: str) -> None:
    code, shown = demo(
        "127.0.0.1/32",
        "--database-url",
        url,
        "--table",
        "plans",
        "--filter",
        "id",
        "--columns",
        "name",
        "--ask",
        "Look up the plan with id 2",
    )
    assert code == 0
    assert "As asked: plans by id, reading back name." in shown
    assert "Gold" in shown.split("A caller asks")[1].split("The receipt")[0]


def test_numbers_without_a_country_and_times_without_a_zone_ask_for_theirs(demo: Demo, url: str) -> None:
    wish = ("--database-url", url, "--table", "walk_ins", "--columns", "name,seen_at", "--ask", "Look up walk in 206.555.0103")
    code, shown = demo("127.0.0.1/32", *wish)
    assert code == 1
    assert "For this demo: --country US --time-zone America/Chicago" in shown
    code, shown = demo("127.0.0.1/32", *wish, "--country", "US", "--time-zone", "America/Los_Angeles")
    assert code == 0
    said = shown.split("A caller asks")[1].split("The receipt")[0].partition("agent ")[2]
    assert "Walk-in 3" in said
    assert "January 1 at 9:00 AM" in said


def test_a_name_that_is_not_there(demo: Demo, url: str) -> None:
    code, shown = demo("127.0.0.1/32", "--database-url", url, "--table", "membres")
    assert code == 1
    assert "There is no readable table 'membres'." in shown
    assert "members" in shown.split("'membres'")[1]


def test_a_private_address_is_refused_with_the_way_to_allow_it(demo: Demo, url: str) -> None:
    code, shown = demo("", "--database-url", url)
    assert code == 1
    assert "The connection test failed: This address is not public" in shown
    assert "PATCHBAY_EGRESS_ALLOW=10.0.0.5/32 patchbay demo --database-url" in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("sslmode=verify-full", "sslmode=disable"), "sslmode"),
        (("@127.0.0.1", "x@127.0.0.1"), "The connection test failed"),
    ],
)
def test_what_is_wrong_with_the_connection_is_said(demo: Demo, url: str, change: tuple[str, str], said: str) -> None:
    code, shown = demo("127.0.0.1/32", "--database-url", url.replace(*change))
    assert code == 1
    assert said in shown.partition("The connection test failed")[1] + shown.partition("The connection test failed")[2]

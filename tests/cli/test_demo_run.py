"""The demo from its first line to its exit code, as a user runs it, and run again after it was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from patchbay.cli.demo.practice.callers import next_visit, pick_caller
from patchbay.cli.demo.practice.seed import TIME_ZONE
from patchbay.cli.demo.practice.server import open_practice
from patchbay.store.embedded import release_embedded

COMMAND = [sys.executable, "-c", "from patchbay.cli.main import run; run()", "demo"]


def environment(tmp: Path, **others: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PATCHBAY_", "DATABASE_URL", "PG"))}
    return {**kept, "PATCHBAY_DATA_DIR": str(tmp / "real"), "PATCHBAY_PORT": "0", "COLUMNS": "100", **others}


def run_demo(tmp: Path, *options: str, **others: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *options]
    done = subprocess.run(command, env=environment(tmp, **others), capture_output=True, text=True, timeout=180, check=False)
    print(done.stdout, done.stderr, sep="\n")
    return done


@contextmanager
def serving(tmp: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo that goes on serving, and all it has shown up to there."""
    shown = ""
    with subprocess.Popen([*COMMAND, "--serve", *options], env=environment(tmp), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                shown += line
                if "Serving until" in line:
                    break
            yield demo, shown
        finally:
            demo.kill()


def taken_away(shown: str) -> tuple[str, str, str]:
    """The URL, the key and the agent of the last panel."""
    found = [
        re.search(rf"^export {name}=(\S+)$", shown, re.MULTILINE) for name in ("PATCHBAY_API", "PATCHBAY_API_KEY", "AGENT_ID")
    ]
    assert all(found), shown[-2000:]
    return found[0][1], found[1][1], found[2][1]  # type: ignore[index]


def ask(url: str, key: str, agent: str, said: list[str]) -> str:
    """What the agent answers last, over the OpenAI-compatible endpoint."""
    conversation: str | None = None
    answer = ""
    for words in said:
        body = json.dumps({"model": agent, "messages": [{"role": "user", "content": words}]}).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        if conversation:
            headers["Patchbay-Conversation-Id"] = conversation
        with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body, headers), timeout=60) as response:
            conversation = response.headers["Patchbay-Conversation-Id"]
            answer = json.load(response)["choices"][0]["message"]["content"]
    return answer


def in_one_line(shown: str) -> str:
    return re.sub(r"\s+", " ", shown)


def age(data_dir: Path) -> None:
    """Make the practice data somebody's of another day, and its port another's."""
    practice = open_practice(data_dir / "practice")
    try:
        with psycopg.connect(practice.conninfo, autocommit=True) as owner:
            owner.execute("COMMENT ON SCHEMA public IS 'Practice data, as of 2020-01-01'")
    finally:
        release_embedded(data_dir / "practice")
    (data_dir / "practice" / "front.port").write_text("0")


def agrees_with_the_row(said: str, data_dir: Path) -> None:
    """What was said holds the customer's next visit, as the owner of the practice database reads it."""
    practice = open_practice(data_dir / "practice")
    try:
        with psycopg.connect(practice.conninfo) as owner:
            visit = next_visit(owner, pick_caller(owner), TIME_ZONE)
    finally:
        release_embedded(data_dir / "practice")
    weekday_and_day = re.match(r"(\w+), (\w+ \d+), \d+ at (.+)", visit.time)
    assert weekday_and_day is not None
    for part in (visit.service, visit.technician, weekday_and_day[2], weekday_and_day[3]):
        assert part in said, f"{part!r} is not in {said!r}"


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(tmp: Path) -> subprocess.CompletedProcess[str]:
    return run_demo(tmp)


def test_it_ends_well_and_shows_every_step(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0
    assert first.stderr == ""
    steps = re.findall(r"^ ?\d+  (\S.*)$", first.stdout, re.MULTILINE)
    assert len(steps) >= 12, steps
    for request in (
        "POST /api/v1/agents", "GET /api/v1/integrations/postgres/sql/scripts", "POST /api/v1/integrations/postgres/sql/test",
        "POST /api/v1/integrations/postgres/connect", "POST /api/v1/integrations/postgres/discover",
        "PATCH /api/v1/integrations/postgres/scoping", "GET /api/v1/integrations/postgres/search",
        "/integrations/postgres/bindings", "/publish", "/simulate", "/receipt",
    ):  # fmt: skip
        assert request in first.stdout
    assert "allows 127.0.0.1/32" in first.stdout
    assert "built-in planner answers" in in_one_line(first.stdout)


def test_it_is_plain_without_a_terminal_and_fits(first: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in first.stdout
    steps, _, commands = first.stdout.partition("What it made")
    to_copy = re.compile(r" +(GET|POST|PATCH) /api/v1/\S+$")
    assert max(len(line) for line in steps.splitlines() if not to_copy.match(line)) <= 100
    assert f"export PATCHBAY_API_KEY={taken_away(commands)[1]}\n" in commands


def test_every_check_of_the_connection_passes(first: subprocess.CompletedProcess[str]) -> None:
    assert "✗" not in first.stdout
    assert first.stdout.count("✓ passed") >= 9


def test_the_agent_says_what_the_row_says(first: subprocess.CompletedProcess[str], tmp: Path) -> None:
    call = first.stdout.split("A customer calls")[1].split("Somebody else calls")[0]
    said = in_one_line(call.split("The row, read by its owner")[0])
    agrees_with_the_row(said, tmp / "real" / "demo")
    assert "Look up the next appointment: 1 row" in said


def test_an_unknown_number_and_a_blocked_wish_get_nothing(first: subprocess.CompletedProcess[str]) -> None:
    unknown, blocked = first.stdout.split("Somebody else calls")[1].split("scoped out\n")[-2:]
    assert "nothing found" in unknown
    blocked = blocked.split("The receipt of")[0]
    assert "◂" not in blocked
    assert not re.search(r"\b\d{4}\b|\$", blocked.partition("agent ")[2])


def test_no_secret_but_the_key_is_shown(first: subprocess.CompletedProcess[str]) -> None:
    assert "••••••••" in first.stdout
    assert "SCRAM-SHA-256" not in first.stdout
    assert "PRIVATE KEY" not in first.stdout


def test_what_is_scoped_out_is_gone_also_what_reads_it(first: subprocess.CompletedProcess[str]) -> None:
    shown = in_one_line(first.stdout)
    assert "refused in live calls: open_balances, payments, payroll and the three columns." in shown
    assert "objects/payments → 404 not_found" in shown


def test_the_users_real_store_is_not_touched(first: subprocess.CompletedProcess[str], tmp: Path) -> None:
    assert [path.name for path in (tmp / "real").iterdir()] == ["demo"]


def test_again_while_serving_then_killed_then_again(first: subprocess.CompletedProcess[str], tmp: Path) -> None:
    with serving(tmp) as (demo, shown):
        assert "there from an earlier run" in shown
        url, key, agent = taken_away(shown)
        assert agent == taken_away(first.stdout)[2]
        caller = re.search(r"The caller says (\S+);", shown)
        assert caller is not None
        answer = ask(url, key, agent, ["When is my next appointment?", f"It is {caller[1]}"])
        second = run_demo(tmp)
        assert second.returncode == 1
        assert "Another demo is running" in second.stdout
        demo.send_signal(signal.SIGKILL)
    agrees_with_the_row(answer, tmp / "real" / "demo")
    age(tmp / "real" / "demo")
    again = run_demo(tmp, "--no-serve")
    assert again.returncode == 0
    assert "filled just now" in again.stdout
    assert "refused in live calls: open_balances, payments, payroll and" in in_one_line(again.stdout)
    agrees_with_the_row(in_one_line(again.stdout.split("A customer calls")[1]).split("The row, read")[0], tmp / "real" / "demo")


def test_it_stops_when_asked_to(tmp: Path) -> None:
    with serving(tmp) as (demo, _):
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--database-url", "mysql://u:p@h/d"), "--database-url is not a PostgreSQL URL"),
        (("--ask", "hello"), "Without --database-url there is nothing for --ask to say"),
        (("--data-dir", "/dev/null/x"), "The data directory /dev/null/x cannot be used"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(tmp: Path, options: tuple[str, ...], said: str) -> None:
    failed = run_demo(tmp, *options)
    assert failed.returncode == 1
    assert said in in_one_line(failed.stdout)
    assert "Traceback" not in failed.stdout + failed.stderr

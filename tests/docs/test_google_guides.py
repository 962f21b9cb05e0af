"""docs/google-calendar.md and docs/google-sheets.md work as they stand, against a real server and the Google of tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import ready, run_bash
from tests.servers.processes import free_port
from tests.servers.providers.google import Google, google_in_a_thread
from tests.servers.providers.google_accounts import CLIENT_ID, CLIENT_SECRET

USER = "front.desk@example.com"
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.fixture
def google() -> Iterator[Google]:
    with google_in_a_thread() as running:
        running.calendars.open(USER)
        running.spreadsheets.open(
            USER,
            SHEET,
            "Front desk",
            Leads=[["When", "Name", "Phone", "What about", "Reference"]],
            Orders=[["Order", "Customer", "Status"], ["A-16", "Bob", "lost"], ["A-17", "Ada", "shipped"]],
        )
        yield running


@pytest.fixture
def environment(environment: dict[str, str], google: Google, tmp_path: Path) -> dict[str, str]:
    """The platform's, with the operator's client and a browser that agrees to everything."""
    authority, browser = tmp_path / "google.pem", tmp_path / "browser"
    authority.write_text(google.ca)
    browser.write_text(f'#!/bin/sh\nexec curl -sS --fail -L --cacert {authority} -o page.html "$1"\n')
    browser.chmod(0o755)
    return {
        **environment,
        "PATCHBAY_PUBLIC_URL": f"http://127.0.0.1:{environment['PATCHBAY_PORT']}",
        "PATCHBAY_OAUTH__GOOGLE__CLIENT_ID": CLIENT_ID,
        "PATCHBAY_OAUTH__GOOGLE__CLIENT_SECRET": CLIENT_SECRET,
        "PATCHBAY_STAND_INS": json.dumps(google.stand_ins(str(authority))),
        "BROWSER": str(browser),
        "SHEET_ID": SHEET,
    }


def states(stream: str) -> list[str]:
    """What became of each tool call, in the order of the events."""
    frames = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]
    return [frame["data"]["state"] for frame in frames if frame.get("type") == "tool_call"]


def data(path: Path) -> Any:
    return json.loads(path.read_text())["data"]


def test_the_calendar_guide_works_as_it_stands(environment: dict[str, str], server: str, google: Google, tmp_path: Path) -> None:
    run = run_bash("google-calendar.md", {**environment, "API": server}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    (connected,) = data(tmp_path / "connected.json")
    assert (connected["kind"], connected["status"]) == ("google_calendar", "connected")
    assert [one["created"] for one in data(tmp_path / "provisioned.json")] == [True] * 4
    assert [one["created"] for one in data(tmp_path / "again.json")] == [False] * 4
    read = {name: (tmp_path / f"{name}.txt").read_text() for name in ("booked", "moved", "stranger", "cancelled", "raced")}
    assert "10:00 AM" in read["booked"]
    assert {name: states(read[name])[-1] for name in ("booked", "moved", "stranger", "cancelled")} == {
        "booked": "succeeded",
        "moved": "succeeded",
        "stranger": "refused",
        "cancelled": "succeeded",
    }
    assert [states(read["raced"]).count(state) for state in ("succeeded", "started")] == [1, 2]
    assert "That time is taken" in read["raced"]
    events = list(google.calendars.all[USER].events.values())
    assert [event["summary"] for event in events if event["status"] == "confirmed"] in (
        ["Visit of Grace Hopper"],
        ["Visit of Alan Turner"],
    )


def test_two_servers_on_one_store_book_one_time_once(
    environment: dict[str, str], server: str, google: Google, tmp_path: Path
) -> None:
    """The same race between two processes: nothing but the platform's database is shared."""
    run = run_bash(
        "google-calendar.md", {**environment, "API": server}, tmp_path, until="## 4.", then="echo agent=$AGENT key=$KEY"
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    agent_id, key = run.stdout.split("agent=")[1].split()[0], run.stdout.split("key=")[1].split()[0]
    with another_server(environment, tmp_path) as other:
        when = datetime.now() + timedelta(days=14 - datetime.now().weekday())
        wanted = f"Please book an appointment for {when:%B} {when.day} at 11:00 AM, my name is Ada Byron."

        def simulate(caller: int) -> str:
            body = {"transcript": [wanted, "Yes."], "draftMode": False, "session": {"callerNumber": f"+1415555014{caller}"}}
            url = f"{(server, other)[caller % 2]}/agents/{agent_id}/simulate"
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.read().decode()

        with ThreadPoolExecutor(6) as callers:
            streams = list(callers.map(simulate, range(6)))
    assert sorted(states(stream)[-1] for stream in streams) == ["refused"] * 5 + ["succeeded"]
    events = google.calendars.all[USER].events.values()
    assert [event["status"] for event in events] == ["confirmed"]


@contextmanager
def another_server(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """One more `patchbay serve` on the same store; the URL of its API."""
    patchbay, port = shutil.which("patchbay"), str(free_port())
    assert patchbay
    with (tmp_path / "other.log").open("wb") as log:
        process = subprocess.Popen([patchbay, "serve"], env={**environment, "PATCHBAY_PORT": port}, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while not ready(f"http://127.0.0.1:{port}"):
                assert process.poll() is None, (tmp_path / "other.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            process.terminate()
            process.wait(30)


def test_the_sheets_guide_works_as_it_stands(environment: dict[str, str], server: str, google: Google, tmp_path: Path) -> None:
    run = run_bash("google-sheets.md", {**environment, "API": server}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    (connected,) = data(tmp_path / "connected.json")
    assert (connected["kind"], connected["status"]) == ("google_sheets", "connected")
    sheet = data(tmp_path / "spreadsheet.json")
    assert (sheet["title"], [tab["title"] for tab in sheet["tabs"]]) == ("Front desk", ["Leads", "Orders"])
    assert sheet["tabs"][0]["headers"] == ["When", "Name", "Phone", "What about", "Reference"]
    assert not data(tmp_path / "draft.json")[0]["skill"]["enabled"]
    assert data(tmp_path / "logged.json")["status"] == "succeeded"
    (_, row) = google.spreadsheets.all[SHEET].tab("Leads").table()
    assert row[1:4] == ["Ada Byron", "+14155550132", '=HYPERLINK("https://evil.example")']
    assert data(tmp_path / "found.json")["rows"] == [{"order_status": "shipped"}]

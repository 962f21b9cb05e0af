"""docs/google-calendar.md and docs/google-sheets.md work as they stand, against a real server and the Google of tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import run_bash
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

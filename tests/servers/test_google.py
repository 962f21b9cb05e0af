"""The Google of tests is like the real one where a caller would notice: this holds it to what Google's reference says."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers.providers.discovery import discovery
from tests.servers.providers.field_masks import BadMask, masked, read_mask
from tests.servers.providers.google import SCOPES, Google, google
from tests.servers.providers.google_accounts import CLIENT_ID, CLIENT_SECRET
from tests.servers.providers.google_sheets import Formula

pytestmark = pytest.mark.anyio
held_against_the_document = pytest.mark.skipif(discovery("calendar") is None, reason="the shared data is not here")
USER = "front.desk@example.com"
EVENTS = "/calendar/v3/calendars/primary/events"
DAY = {"timeMin": "2031-03-03T00:00:00-05:00", "timeMax": "2031-03-04T00:00:00-05:00", "singleEvents": "true"}


@pytest.fixture
async def server() -> AsyncGenerator[Google]:
    async with google() as running:
        running.calendars.open(USER)
        rows: list[list[Any]] = [["Name", "Phone"], ["Ada", "+14155550100"]]
        running.spreadsheets.open(USER, "sheet-1", "Leads", Leads=rows)
        running.spreadsheets.all["sheet-1"].tabs[0].title = "New leads"
        yield running


class Asker:
    """Somebody with a token."""

    def __init__(self, server: Google, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self.token, self.refresh = server.accounts.give(*SCOPES.values())

    async def ask(
        self, verb: str, path: str, query: Any = None, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any] | None]:
        headers = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        url = self.server.url + path
        async with self.session.request(verb, url, params=query, json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    async def form(self, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.server.url + path, data=fields) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def asker(server: Google) -> AsyncIterator[Asker]:
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=server.ca))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Asker(server, session)


def event(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"summary": "Cut", "start": {"dateTime": start}, "end": {"dateTime": end}, **more}


NINE = event("2031-03-03T09:00:00-05:00", "2031-03-03T09:30:00-05:00")


async def test_an_event_is_made_once_for_its_id_and_changed_by_its_etag(server: Google, asker: Asker) -> None:
    status, made = await asker.ask("POST", EVENTS, body={**NINE, "id": "pb0123abc"})
    assert status == 200
    assert made
    status, refused = await asker.ask("POST", EVENTS, body={**NINE, "id": "pb0123abc"})
    assert (status, refused and refused["error"]["errors"][0]["reason"]) == (409, "duplicate")
    assert (await asker.ask("PATCH", f"{EVENTS}/pb0123abc", body={"summary": "x"}, If_Match='"1"'))[0] == 412
    status, changed = await asker.ask("PATCH", f"{EVENTS}/pb0123abc", body={"summary": "x"}, If_Match=made["etag"])
    assert (status, changed and changed["summary"], changed and changed["start"]) == (
        200,
        "x",
        {**NINE["start"], "timeZone": "America/Toronto"},
    )
    assert (await asker.ask("DELETE", f"{EVENTS}/pb0123abc"))[0] == 204
    assert (await asker.ask("DELETE", f"{EVENTS}/pb0123abc"))[0] == 410
    status, gone = await asker.ask("GET", f"{EVENTS}/pb0123abc")
    assert (status, gone and gone["status"]) == (200, "cancelled")
    assert (await asker.ask("POST", EVENTS, body={**NINE, "id": "pb0123abc"}))[0] == 409


@held_against_the_document
async def test_lists_overlap_expand_and_page(server: Google, asker: Asker) -> None:
    calendar = server.calendars.all[USER]
    server.calendars.add(calendar, "2031-03-03", "2031-03-04", "Closed")
    server.calendars.add(calendar, "2031-02-24T10:00:00", "2031-02-24T11:00:00", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    server.calendars.add(calendar, "2031-03-02T23:30:00", "2031-03-03T00:30:00", transparency="transparent")
    status, listed = await asker.ask("GET", EVENTS, {**DAY, "orderBy": "startTime"})
    assert status == 200
    assert listed
    assert [one["start"] for one in listed["items"]] == [
        {"dateTime": "2031-03-02T23:30:00-05:00", "timeZone": "America/Toronto"},
        {"date": "2031-03-03"},
        {"dateTime": "2031-03-03T10:00:00-05:00", "timeZone": "America/Toronto"},
    ]
    status, first = await asker.ask("GET", EVENTS, {**DAY, "maxResults": "2", "fields": "items/id,nextPageToken"})
    assert first
    assert set(first) == {"items", "nextPageToken"}
    status, busy = await asker.ask("POST", "/calendar/v3/freeBusy", body={**_window(), "items": [{"id": "primary"}]})
    # freeBusy is not what a token for events alone may ask for.
    assert (status, busy and busy["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")
    asker.token, _ = server.accounts.give("https://www.googleapis.com/auth/calendar")
    status, busy = await asker.ask("POST", "/calendar/v3/freeBusy", body={**_window(), "items": [{"id": "primary"}]})
    assert busy
    assert busy["calendars"]["primary"]["busy"] == [{"start": "2031-03-03T05:00:00Z", "end": "2031-03-04T05:00:00Z"}]


def _window() -> dict[str, str]:
    return {"timeMin": DAY["timeMin"], "timeMax": DAY["timeMax"]}


@held_against_the_document
async def test_what_google_does_not_know_is_a_mistake_of_the_test(server: Google, asker: Asker) -> None:
    assert (await asker.ask("GET", EVENTS, {"timeMini": "x"}))[0] == 400
    assert (await asker.ask("POST", EVENTS, body={**NINE, "titel": "x"}))[0] == 400
    assert (await asker.ask("GET", EVENTS, {"fields": "items(idd)"}))[0] == 400
    assert len(server.problems) == 3
    server.problems.clear()
    assert (await asker.ask("GET", EVENTS, {"orderBy": "startTime"}))[0] == 400
    assert (await asker.ask("POST", EVENTS, body=event("2031-03-03T09:00:00-05:00", "2031-03-03T08:00:00-05:00")))[0] == 400


async def test_tokens_end_are_renewed_without_a_new_refresh_token_and_go_all_at_once(server: Google, asker: Asker) -> None:
    server.accounts.expire()
    status, refused = await asker.ask("GET", EVENTS)
    assert (status, refused and refused["error"]["code"]) == (401, 401)
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    status, renewed = await asker.form("/token", grant_type="refresh_token", refresh_token=asker.refresh, **client)
    assert (status, "refresh_token" in renewed) == (200, False)
    asker.token = renewed["access_token"]
    assert (await asker.ask("GET", EVENTS))[0] == 200
    _, other = server.accounts.give(SCOPES["sheets"])
    assert await asker.form("/revoke", token=asker.refresh) == (200, {})
    for token in (asker.refresh, other):
        status, refused = await asker.form("/token", grant_type="refresh_token", refresh_token=token, **client)
        assert (status, refused["error"]) == (400, "invalid_grant")


async def test_rows_are_appended_below_the_table_raw_or_as_if_typed(server: Google, asker: Asker) -> None:
    path = "/v4/spreadsheets/sheet-1/values/'New leads'!A1:B1"
    evil = {"values": [["=HYPERLINK(1)", "+1"]]}
    assert (await asker.ask("POST", f"{path}:append", body=evil))[0] == 400
    how = {"insertDataOption": "INSERT_ROWS"}
    status, done = await asker.ask("POST", f"{path}:append", {**how, "valueInputOption": "RAW"}, evil)
    assert (status, done and done["updates"]["updatedRange"]) == (200, "'New leads'!A3:B3")
    await asker.ask("POST", f"{path}:append", {**how, "valueInputOption": "USER_ENTERED"}, evil)
    table = server.spreadsheets.all["sheet-1"].tabs[0].table()
    assert table[2:] == [["=HYPERLINK(1)", "+1"], [Formula("=HYPERLINK(1)"), 1.0]]
    status, read = await asker.ask("GET", "/v4/spreadsheets/sheet-1/values/'New leads'!A1:A2000", {"majorDimension": "COLUMNS"})
    assert read == {
        "range": "'New leads'!A1:A1002",
        "majorDimension": "COLUMNS",
        "values": [["Name", "Ada", "=HYPERLINK(1)", "#NAME?"]],
    }
    for range_, status in (("Leads!A1", 400), ("'New leads'!A5000:A6000", 400)):
        assert (await asker.ask("GET", f"/v4/spreadsheets/sheet-1/values/{range_}"))[0] == status
    status, refused = await asker.ask("GET", "/v4/spreadsheets/other/values/A1")
    assert (status, refused and refused["error"]["status"]) == (404, "NOT_FOUND")
    server.spreadsheets.open("somebody@example.com", "sheet-2", "Theirs", A=[])
    status, refused = await asker.ask("GET", "/v4/spreadsheets/sheet-2", {"fields": "properties.title"})
    assert (status, refused and refused["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_trouble_comes_as_it_is_ordered(server: Google, asker: Asker) -> None:
    server.fail(403, "rateLimitExceeded", matching="events.list")
    status, refused = await asker.ask("GET", EVENTS)
    assert (status, refused and refused["error"]["errors"][0]["domain"]) == (403, "usageLimits")
    server.lose(matching="insert")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await asker.ask("POST", EVENTS, body={**NINE, "id": "pb0123"})
    assert (await asker.ask("POST", EVENTS, body={**NINE, "id": "pb0123"}))[0] == 409


def test_masks() -> None:
    value = {"a": 1, "b": [{"c": 1, "d": {"e": 2, "f": 3}}], "g": 4}
    assert masked(value, read_mask("a,b(c,d/e)")) == {"a": 1, "b": [{"c": 1, "d": {"e": 2}}]}
    assert masked(value, read_mask("b.d,*")) == value
    for bad in ("a(", "a,", "a)b", ""):
        with pytest.raises(BadMask):
            read_mask(bad)

"""Google Sheets through the API: resolve a spreadsheet, log rows under their columns, look a row up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from patchbay.api.platform import Platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, MakeKey
from tests.api.guides.conftest import Caller
from tests.api.guides.google_desk import CALLER, agree, front_desk, google_platform, operator_of
from tests.servers.providers.google import SCOPES, Google, google

pytestmark = pytest.mark.anyio
USER = "front.desk@example.com"
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
PROVISION = "/agents/{}/integrations/google_sheets/provision"
LOG = {
    "spreadsheetId": SHEET,
    "tab": "Jo's leads",
    "columns": {"caller_name": "Name", "reason": "What about"},
    "callerColumn": "Phone",
    "referenceColumn": "Ref",
}
LOOKUP = {
    "spreadsheetId": SHEET,
    "tab": "Orders",
    "lookBy": {"order_number": "Order"},
    "columns": {"status": "Status", "customer": "Customer"},
}


@pytest.fixture
async def server() -> AsyncGenerator[Google]:
    async with google() as running:
        sheet = running.spreadsheets.open(
            USER,
            SHEET,
            "Front desk",
            Leads=[["", "Phone", " name ", "", "What about", "Ref"]],
            Orders=[["Order", "Customer", "Status", "Notes"]],
        )
        sheet.tabs[0].title = "Jo's leads"
        sheet.tab("Orders").cells += [[f"A-{n}", f"Customer {n}", "shipped", "secret"] for n in range(1200)]
        sheet.tab("Orders").cells += [["", "", "", ""], ["B-1", "Ada", "", "secret"], [" b-1 ", "Bob", "lost"]]
        sheet.tab("Orders").rows = 2500
        yield running


@pytest.fixture
async def sheets_platform(
    settings: Settings, database: Database, vault: Vault, server: Google, tmp_path: Path
) -> AsyncIterator[Platform]:
    async with google_platform(settings, database, vault, server, tmp_path) as platform:
        yield platform


@pytest.fixture
async def operator(sheets_platform: Platform, key: Key) -> AsyncIterator[Caller]:
    async with operator_of(sheets_platform, key) as caller:
        yield caller


async def desk(operator: Caller, server: Google, **configuration: Any) -> str:
    """A published agent with the actions that are configured."""
    await agree(operator, server, "google_sheets")
    agent_id = await front_desk(operator)
    body = {"actions": list(configuration), "configuration": configuration}
    made = await operator.ask("POST", PROVISION.format(agent_id), body)
    assert all(one["skill"]["enabled"] for one in made), made
    await operator.ask("POST", f"/agents/{agent_id}/publish", status=201)
    return agent_id


async def call(operator: Caller, agent_id: str, skill: str, session: Any = CALLER, **arguments: Any) -> dict[str, Any]:
    body = {"arguments": arguments, **({"session": session} if session else {})}
    return await operator.ask("POST", f"/agents/{agent_id}/skills/{skill}/call", body)


async def test_without_configuration_the_action_waits_as_a_draft(operator: Caller, server: Google) -> None:
    answer = await agree(operator, server, "google_sheets")
    assert answer.status_code == 200, answer.text
    assert server.accounts.asked[0]["scope"] == SCOPES["sheets"]
    agent_id = await front_desk(operator)
    (made,) = await operator.ask("POST", PROVISION.format(agent_id))
    assert (made["skill"]["name"], made["skill"]["enabled"]) == ("Log a row", False)
    done = await operator.ask("PATCH", f"/agents/{agent_id}/skills/{made['skill']['id']}", {"executionConfig": LOG})
    assert done["enabled"]


async def test_a_row_is_logged_under_its_columns_as_it_was_said(operator: Caller, server: Google) -> None:
    agent_id = await desk(operator, server, append_row=LOG)
    made = await call(operator, agent_id, "Log_a_row", caller_name='=HYPERLINK("https://evil")', reason="+1 @home")
    assert (made["status"], made["rows"]) == ("succeeded", [{"noted": True}]), made
    (_, row) = server.spreadsheets.all[SHEET].tabs[0].table()
    assert row[:5] == [None, "+14155550132", '=HYPERLINK("https://evil")', None, "+1 @home"]
    assert str(row[5]).startswith("pb")
    missing = await call(operator, agent_id, "Log_a_row", caller_name="Ada")
    assert (missing["status"], missing["missing"]) == ("refused", ["reason"])
    tab = server.spreadsheets.all[SHEET].tabs[0]
    await call(operator, agent_id, "Log_a_row", session=None, caller_name="Ada", reason="x")
    assert tab.cells[2][1:3] == [None, "Ada"]
    tab.cells[0][2] = "Full name"
    changed = await call(operator, agent_id, "Log_a_row", caller_name="Ada", reason="x")
    assert (changed["status"], changed["code"]) == ("refused", "columns_changed")
    assert len(tab.cells) == 3


async def test_a_row_that_does_not_land_under_its_headers_is_not_told_as_noted(operator: Caller, server: Google) -> None:
    """Somebody counts in a column without a header: for Google it is the first one of the table."""
    agent_id = await desk(operator, server, append_row={**LOG, "referenceColumn": None})
    tab = server.spreadsheets.all[SHEET].tabs[0]
    tab.cells.append(["1", "+14155550199", "Bob", None, "Roof"])
    made = await call(operator, agent_id, "Log_a_row", caller_name="Ada", reason="x")
    assert tab.cells[2][:2] == ["+14155550132", "Ada"]
    assert (made["status"], made["code"]) == ("failed", "outcome_unknown")
    assert len(await operator.ask("GET", "/operator-events?type=write.unknown")) == 1


@pytest.mark.parametrize(("trouble", "status"), [("lost", "succeeded"), ("failed", "failed"), ("reader", "refused")])
async def test_a_row_is_never_logged_twice(operator: Caller, server: Google, trouble: str, status: str) -> None:
    agent_id = await desk(operator, server, append_row=LOG)
    if trouble == "lost":
        server.lose(matching="append")
    elif trouble == "failed":
        server.fail(503, matching="append")
    else:
        server.spreadsheets.all[SHEET].roles[USER] = "reader"
    made = await call(operator, agent_id, "Log_a_row", caller_name="Ada", reason="x")
    assert made["status"] == status, made
    assert made["code"] == {"succeeded": None, "failed": "outcome_unknown", "refused": "source_permission_missing"}[status]
    assert len(server.spreadsheets.all[SHEET].tabs[0].cells) == (2 if trouble == "lost" else 1)
    # The server does not count what it fails before it looks at it: then none came behind it.
    assert server.count("sheets.spreadsheets.values.append") == (0 if trouble == "failed" else 1)


async def test_a_row_is_looked_up_whole_values_and_chosen_columns_alone(operator: Caller, server: Google) -> None:
    agent_id = await desk(operator, server, lookup_row=LOOKUP)
    found = await call(operator, agent_id, "Look_up_a_row", order_number=" a-1100")
    assert (found["status"], found["rows"]) == ("succeeded", [{"status": "shipped", "customer": "Customer 1100"}]), found
    assert (await call(operator, agent_id, "Look_up_a_row", order_number="A-11000"))["rows"] == []
    several = await call(operator, agent_id, "Look_up_a_row", order_number="B-1")
    assert (several["rows"], several["ambiguous"], several["rowCount"]) == ([], True, 2)
    assert "secret" not in str([found, several])


async def test_rows_that_move_in_between_show_nobody_else(operator: Caller, server: Google) -> None:
    agent_id = await desk(operator, server, lookup_row=LOOKUP)
    tab = server.spreadsheets.all[SHEET].tab("Orders")
    asked: list[int] = []

    def insert() -> None:
        asked.append(1)
        if len(asked) == 3:  # the headers, the column, and then the row
            tab.cells.insert(1, ["Z-1", "Zoe", "secret"])

    for _ in range(3):
        server.before("values.get", insert)
    found = await call(operator, agent_id, "Look_up_a_row", order_number="A-7")
    assert found["rows"] == [{"status": "shipped", "customer": "Customer 7"}]
    assert len(asked) == 3


async def test_the_number_that_rings_looks_up_its_own_row(operator: Caller, server: Google) -> None:
    tab = server.spreadsheets.all[SHEET].tab("Orders")
    tab.cells[5][0], tab.cells[6][0] = "(415) 555-0132", "+1 415 555 0199"
    by_phone = {"lookBy": {"phone": "Order"}, "source": "session", "kind": "phone", "country": "US"}
    agent_id = await desk(operator, server, lookup_row={**LOOKUP, **by_phone})
    assert (await call(operator, agent_id, "Look_up_a_row"))["rows"] == [{"status": "shipped", "customer": "Customer 4"}]
    refused = await call(operator, agent_id, "Look_up_a_row", phone="+14155550199")
    assert refused["status"] == "refused"


async def test_a_spreadsheet_is_resolved_from_its_link_or_its_id(operator: Caller, server: Google) -> None:
    path = "/integrations/google_sheets/spreadsheet"
    refused = await operator.refused("GET", f"{path}?ref={SHEET}")
    assert (refused["status"], refused["code"]) == (409, "integration_not_connected")
    await agree(operator, server, "google_sheets")
    link = f"https://docs.google.com/spreadsheets/d/{SHEET}/edit?usp=sharing#gid=0"
    shown = await operator.ask("GET", path, params={"ref": link})
    assert shown == await operator.ask("GET", f"{path}?ref={SHEET}")
    assert (shown["spreadsheetId"], shown["title"]) == (SHEET, "Front desk")
    assert [(tab["title"], tab["headers"], tab["rowCount"], tab["hidden"]) for tab in shown["tabs"]] == [
        ("Jo's leads", ["", "Phone", " name ", "", "What about", "Ref"], 1000, False),
        ("Orders", ["Order", "Customer", "Status", "Notes"], 2500, False),
    ]
    server.spreadsheets.open("somebody@example.com", "z" * 20, "Theirs", A=[])
    for ref in ("z" * 20, "y" * 20):
        assert (await operator.refused("GET", f"{path}?ref={ref}"))["code"] == "sheet_not_accessible"
    asked = len(server.asked)
    for ref in (
        "https://evil.example/spreadsheets/d/" + SHEET,
        "../../secret-thing",
        "https://docs.google.com/spreadsheets/d/e/2P",
    ):
        problem = await operator.refused("GET", f"{path}?ref={ref}")
        assert (problem["status"], problem["errors"][0]["code"]) == (400, "ref_invalid")
    assert (await operator.refused("GET", path))["status"] == 400
    assert len(server.asked) == asked
    other = await operator.refused("GET", f"/integrations/google_calendar/spreadsheet?ref={SHEET}")
    assert (other["status"], other["errors"][0]["field"]) == (400, "kind")
    assert (await operator.refused("GET", f"/integrations/hubspot/spreadsheet?ref={SHEET}"))["status"] == 403
    assert (await operator.refused("GET", f"/integrations/no_such_kind/spreadsheet?ref={SHEET}"))["status"] == 404


async def test_looking_up_renews_tokens_and_says_when_a_person_has_to_agree_again(operator: Caller, server: Google) -> None:
    path = f"/integrations/google_sheets/spreadsheet?ref={SHEET}"
    await agree(operator, server, "google_sheets")
    server.accounts.expire()
    assert (await operator.ask("GET", path))["title"] == "Front desk"
    assert server.accounts.refreshed == 1
    for status, code in ((429, "source_busy"), (503, "source_unavailable")):
        server.fail(status, "backendError", matching="spreadsheets.get")
        assert (await operator.refused("GET", path))["code"] == code
    server.accounts.withdraw()
    refused = await operator.refused("GET", path)
    assert (refused["status"], refused["code"]) == (409, "integration_not_connected")
    (shown,) = await operator.ask("GET", "/integrations")
    assert shown["statusReason"] == "reauthorization_required"


async def test_what_another_connection_lives_on_is_not_revoked(operator: Caller, server: Google) -> None:
    server.calendars.open(USER)
    for kind in ("google_sheets", "google_calendar"):
        await agree(operator, server, kind)
    first = await operator.ask("DELETE", "/integrations/google_sheets")
    assert (first["revoked"], server.accounts.revoked) == (None, [])
    agent_id = await front_desk(operator)
    await operator.ask("POST", f"/agents/{agent_id}/integrations/google_calendar/provision")
    last = await operator.ask("DELETE", "/integrations/google_calendar")
    assert (last["revoked"], len(server.accounts.grants)) == (True, 0)


async def test_another_organization_looks_nothing_up(
    operator: Caller, server: Google, sheets_platform: Platform, make_key: MakeKey
) -> None:
    await agree(operator, server, "google_sheets")
    stranger = await make_key(org="Globex")
    async with operator_of(sheets_platform, stranger) as theirs:
        refused = await theirs.refused("GET", f"/integrations/google_sheets/spreadsheet?ref={SHEET}")
    assert (refused["status"], refused["code"]) == (409, "integration_not_connected")
    assert server.count("sheets.spreadsheets.get") == 1  # only the one that proved the credentials

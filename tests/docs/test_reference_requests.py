"""What the reference prints is accepted as it stands: the requests of its pages, in order, against the servers of tests.

Only what a page leaves to its reader is put in: the key, ids, the address and password of a database, and where a provider is.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import blocks
from tests.docs.reference import Printed, printed, send
from tests.servers.postgres import PostgresServer
from tests.servers.providers import jobber as jobber_server
from tests.servers.providers.google import Google, google_in_a_thread
from tests.servers.providers.google_accounts import CLIENT_ID, CLIENT_SECRET
from tests.servers.providers.serving import serving
from tests.servers.providers.shopify import SHOP, TOKEN, Shopify

Walk = Callable[..., list[Any]]
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.fixture
def google() -> Iterator[Google]:
    with google_in_a_thread() as running:
        running.calendars.open("front.desk@example.com")
        running.spreadsheets.open("front.desk@example.com", SHEET, "Front desk", Leads=[["When", "Name", "Phone"]])
        yield running


@pytest.fixture
def environment(environment: dict[str, str], google: Google, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The platform's, with every provider of these pages sent to a server of the test, and the operator's clients."""
    with serving(Shopify()) as shop, serving(jobber_server.Jobber()) as jobber:
        authority = tmp_path / "authorities.pem"
        authority.write_text(google.ca + shop.ca + jobber.ca)
        stand_ins: dict[str, Any] = google.stand_ins(str(authority))
        for origin, at in ((f"https://{SHOP}", shop), ("https://api.getjobber.com", jobber)):
            stand_ins[origin] = {"origin": at.url, "caFile": str(authority)}
        yield {
            **environment,
            "PATCHBAY_PUBLIC_URL": f"http://127.0.0.1:{environment['PATCHBAY_PORT']}",
            "PATCHBAY_OAUTH__GOOGLE__CLIENT_ID": CLIENT_ID,
            "PATCHBAY_OAUTH__GOOGLE__CLIENT_SECRET": CLIENT_SECRET,
            "PATCHBAY_OAUTH__JOBBER__CLIENT_ID": jobber_server.CLIENT_ID,
            "PATCHBAY_OAUTH__JOBBER__CLIENT_SECRET": jobber_server.CLIENT_SECRET,
            "PATCHBAY_STAND_INS": json.dumps(stand_ins),
        }


@pytest.fixture
def walk(environment: dict[str, str], server: str, tmp_path: Path) -> Walk:
    """Sends the requests of a page, each of which has to be accepted; the answers' data, in their order."""
    made = subprocess.run(
        ["patchbay", "keys", "create", "--org", "Acme", "--scopes", "*"],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    key = made.stdout.strip()

    def data(request: Printed) -> Any:
        status, answer = send(server, key, request)
        assert status < 300, (request, answer)
        if isinstance(answer, str):
            assert "event: done" in answer
            return answer
        assert answer["success"] is True
        if url := "oauthUrl" in answer["data"] and answer["data"]["oauthUrl"]:
            _agree(url, tmp_path / "authorities.pem")
        return answer["data"]

    def walked(page: str, **values: str) -> list[Any]:
        known, given = dict(values), []
        for request in printed(page):
            ready = request.with_values(known)
            if "AGENT_ID" in ready.path:
                known |= _agent(data(Printed("POST", "/agents", '{"name": "Front desk", "defaultCountry": "US"}')))
                ready = request.with_values(known)
            given.append(data(ready))
            if (request.method, request.path) == ("POST", "/agents"):
                known |= _agent(given[-1])
        return given

    return walked


def _agent(made: dict[str, Any]) -> dict[str, str]:
    return {"$AGENT_ID": made["id"], "AGENT_ID": made["id"]}


def _agree(url: str, authority: Path) -> None:
    """What a person does in the browser: opens the address and agrees to everything."""
    command = ["curl", "-sS", "--fail", "-L", "--cacert", str(authority), "-o", "/dev/null", url]
    subprocess.run(command, check=True, timeout=60)


def test_the_overview(walk: Walk) -> None:
    (catalog,) = walk("integrations/overview")
    assert {"google_calendar", "google_sheets", "shopify", "postgres", "mysql"} <= {one["kind"] for one in catalog}


def test_google_calendar(walk: Walk) -> None:
    connected, actions, provisioned = walk("integrations/google-calendar")
    assert connected["oauthUrl"].startswith("https://")
    assert {"check_availability", "book_appointment"} <= {one["slug"] for one in actions}
    assert [(one["created"], one["skill"]["enabled"]) for one in provisioned] == [(True, True)] * 2


def test_google_sheets(walk: Walk) -> None:
    _, sheet, actions, provisioned = walk("integrations/google-sheets", SHEET_ID=SHEET)
    assert [(tab["title"], tab["headers"]) for tab in sheet["tabs"]] == [("Leads", ["When", "Name", "Phone"])]
    assert "append_row" in {one["slug"] for one in actions}
    assert [(one["created"], one["skill"]["enabled"]) for one in provisioned] == [(True, False)]  # its columns are not said yet


def test_shopify(walk: Walk) -> None:
    connected, _, provisioned = walk("integrations/shopify", **{"your-store.myshopify.com": SHOP, "shpat_…": TOKEN})
    assert connected["status"] == "connected"
    assert [one["created"] for one in provisioned] == [True]


def test_a_custom_integration(walk: Walk) -> None:
    (skill,) = walk("integrations/custom", **{"…": "a-key"})
    assert (skill["skillType"], skill["enabled"]) == ("http_webhook", True)
    assert skill["parametersSchema"]["required"] == ["serial_number"]


@pytest.mark.parametrize("page", ["integrations/sql-database", "guides/connect-sql-database"])
def test_a_sql_database(walk: Walk, tls_postgres: PostgresServer, page: str) -> None:
    reader = tls_postgres.create_database("appdb", sql="".join(blocks("guide.md", "sql")))
    values = {
        "db.example.com": reader["host"],
        '"5432"': f'"{reader["port"]}"',
        "flowyte_ro": reader["user"],
        "…": reader["password"],
        '"verify-full"': '"verify-full", "ca_pem": ' + json.dumps(reader["ca_pem"]),
    }
    try:
        answers = walk(page, **values)
    finally:
        tls_postgres.drop_database("appdb")
    scripts, tested, connected = answers[:3]
    assert scripts["generatedPassword"]
    assert tested["ok"], tested["checks"]
    assert connected["status"] == "connected"
    (skill,) = (one for one in answers if isinstance(one, dict) and "skillType" in one)
    assert (skill["skillType"], skill["enabled"]) == ("postgres", True)

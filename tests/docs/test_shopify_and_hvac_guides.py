"""docs/shopify.md and docs/hvac.md work as they stand, against a real server and the simulated providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.conftest import run_bash
from tests.docs.pages import SERVICES, said, serving_pages
from tests.servers.providers.field_service import API_KEY, FieldService
from tests.servers.providers.serving import serving
from tests.servers.providers.shopify import SHOP, TOKEN, Shopify


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The platform's, with both providers sent to servers of the test."""
    with serving(Shopify()) as shop, serving(FieldService()) as field:
        stand_ins: dict[str, Any] = {}
        for name, (origin, server) in {"shop": (f"https://{SHOP}", shop), "field": ("https://field.example.com", field)}.items():
            (tmp_path / f"{name}.pem").write_text(server.ca)
            stand_ins[origin] = {"origin": server.url, "caFile": str(tmp_path / f"{name}.pem")}
        yield {
            **environment,
            "PATCHBAY_STAND_INS": json.dumps(stand_ins),
            "SHOP": SHOP,
            "SHOP_TOKEN": TOKEN,
            "FIELD_ADDRESS": "field.example.com/v1",
            "FIELD_KEY": API_KEY,
        }
        assert (shop.problems, field.problems) == ([], [])


def data(path: Path) -> Any:
    return json.loads(path.read_text())["data"]


def test_the_shopify_guide_works_as_it_stands(environment: dict[str, str], server: str, tmp_path: Path) -> None:
    run = run_bash("shopify.md", {**environment, "API": server}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert (data(tmp_path / "connected.json")["status"], data(tmp_path / "connected.json")["label"]) == (
        "connected",
        "Demo Store",
    )
    assert [one["created"] for one in data(tmp_path / "provisioned.json")] == [True]
    assert [one["created"] for one in data(tmp_path / "again.json")] == [False]
    told, stranger = (tmp_path / "told.txt").read_text(), (tmp_path / "stranger.txt").read_text()
    assert "shipped" in told
    assert "7035114477138472" in told
    assert "shipped" not in stranger
    assert TOKEN not in run.stdout + told


def test_the_hvac_guide_works_as_it_stands(environment: dict[str, str], server: str, tmp_path: Path) -> None:
    with serving_pages({"/services": SERVICES}) as site:
        run = run_bash("hvac.md", {**environment, "API": server, "SITE": site}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert "field_service" in {one["kind"] for one in data(tmp_path / "catalog.json")}
    made = data(tmp_path / "provisioned.json")
    assert {one["skill"]["provenance"]["action"] for one in made} == {"find_client", "create_lead", "get_job_status"}
    assert all(one["skill"]["enabled"] for one in made)
    price, area, unknown = said((tmp_path / "services.txt").read_text())
    assert "$129" in price
    assert "Rochester" in area
    assert "I don't know that" in unknown
    status = (tmp_path / "status.txt").read_text()
    assert '"state":"succeeded"' in status.replace(" ", "")
    emergency = (tmp_path / "emergency.txt").read_text()
    assert "+14155550199" in emergency
    assert "handoff" in emergency

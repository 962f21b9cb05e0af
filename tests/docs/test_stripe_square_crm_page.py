"""docs/stripe-square-crm.md works as it stands, against a real server and the simulated accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from patchbay.packs.known import DIRECTORY
from patchbay.packs.reading import read_pack
from tests.docs.conftest import ROOT, run_bash
from tests.servers.providers.serving import serving
from tests.servers.providers.square import TOKEN, Square
from tests.servers.providers.stripe import RESTRICTED, Stripe


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The platform's, with both providers sent to servers of the test."""
    with serving(Square()) as square, serving(Stripe(key=RESTRICTED)) as stripe:
        stand_ins: dict[str, Any] = {}
        for origin, server in (("https://connect.squareup.com", square), ("https://api.stripe.com", stripe)):
            authority = tmp_path / f"{type(server).__name__}.pem"
            authority.write_text(server.ca)
            stand_ins[origin] = {"origin": server.url, "caFile": str(authority)}
        keys = {"SQUARE_TOKEN": TOKEN, "STRIPE_KEY": RESTRICTED}
        yield {**environment, "PATCHBAY_STAND_INS": json.dumps(stand_ins), **keys}
        assert (square.problems, stripe.problems) == ([], [])


def test_the_page_works_as_it_stands(environment: dict[str, str], server: str, tmp_path: Path) -> None:
    run = run_bash("stripe-square-crm.md", {**environment, "API": server}, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    catalog = {one["kind"]: one for one in json.loads((tmp_path / "catalog.json").read_text())["data"]}
    assert (catalog["square"]["accountLabel"], catalog["stripe"]["accountLabel"]) == ("Demo Bakery", "Stripe")
    assert [one["skill"]["enabled"] for one in json.loads((tmp_path / "provisioned.json").read_text())["data"]] == [True] * 3
    told, stranger = (tmp_path / "told.txt").read_text(), (tmp_path / "stranger.txt").read_text()
    assert "42.50 USD" in told
    assert "42.50 USD" not in stranger
    assert not any(secret in run.stdout + told for secret in (TOKEN, RESTRICTED))


def test_every_kind_of_the_table_is_a_pack() -> None:
    page = (ROOT / "docs/stripe-square-crm.md").read_text()
    for kind in ("stripe", "square", "jobber", "crm"):
        assert f"| `{kind}` |" in page
        assert read_pack(DIRECTORY / kind).actions

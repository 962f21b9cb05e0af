"""Every pack, those an author adds too: connected, provisioned and run against its own fixtures, end to end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine

from patchbay.errors import PatchbayError
from patchbay.packs.connecting import draft_definition
from patchbay.packs.known import DIRECTORY
from patchbay.packs.model import Fixture, Pack
from patchbay.packs.reading import read_fixtures, read_pack
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.packs.operating import Operator, operating
from tests.packs.replay import CLIENT, Replay, replay_of
from tests.servers.providers.serving import serving

pytestmark = pytest.mark.anyio

OWN = Path(os.environ["PATCHBAY_PACKS_DIR"]) if os.environ.get("PATCHBAY_PACKS_DIR") else None
DIRECTORIES = {path.name: path for parent in filter(None, (DIRECTORY, OWN)) for path in sorted(parent.iterdir())}
PACKS = [read_pack(path) for path in DIRECTORIES.values() if (path / "pack.yaml").exists()]
WITH_ACTIONS = [pack for pack in PACKS if pack.actions]


@pytest.mark.parametrize("pack", WITH_ACTIONS, ids=lambda pack: pack.kind)
def test_every_action_has_a_fixture_that_answers(pack: Pack) -> None:
    answered = {one.action for one in read_fixtures(DIRECTORIES[pack.kind]).exchanges if one.rows is not None}
    assert answered == {action.slug for action in pack.actions}


def origins_of(pack: Pack, connect: dict[str, Any]) -> set[str]:
    """Where the provider is asked, and where a person agrees."""
    definition = draft_definition(pack)
    base = str(pack.identity.connect.base_url).format(**connect.get("credentials", {}))
    urls = [base, *(definition["auth"].get(name) for name in ("authorizationUrl", "tokenUrl", "revocationUrl"))]
    return {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in urls if url}


@pytest.fixture
async def replaying(
    request: pytest.FixtureRequest, settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> AsyncIterator[tuple[Operator, Replay]]:
    """The pack of the run connected to a server that answers from its fixtures."""
    pack: Pack = request.param
    connect = dict(read_fixtures(DIRECTORIES[pack.kind]).connect)
    oauth = pack.identity.connect.oauth
    with serving(replay_of(pack)) as replay:
        sent = dict.fromkeys(origins_of(pack, connect), replay)
        clients = {oauth.app: CLIENT} if oauth is not None else {}
        async with operating(settings, database, vault, sent, directory=tmp_path, oauth=clients, packs_dir=OWN) as operator:
            made = await operator.connect(pack.kind, connect, agrees_at=replay)
            assert made["status"] == "connected"
            yield operator, replay


@pytest.mark.parametrize("replaying", WITH_ACTIONS, ids=lambda pack: pack.kind, indirect=True)
async def test_every_fixture_of_a_pack_runs_as_it_is_written(
    replaying: tuple[Operator, Replay], request: pytest.FixtureRequest
) -> None:
    operator, replay = replaying
    pack = request.node.callspec.params["replaying"]
    wrong: list[str] = []
    for number, fixture in enumerate(read_fixtures(DIRECTORIES[pack.kind]).exchanges):
        wrong += [f"{fixture.action} ({fixture.about}): {said}" async for said in _told(operator, replay, pack, fixture, number)]
    assert not wrong, "\n".join(wrong)


async def _told(operator: Operator, replay: Replay, pack: Pack, fixture: Fixture, number: int) -> AsyncIterator[str]:
    """What comes otherwise than a fixture says."""
    agent = await operator.agent(f"Agent {number}", fixture.time_zone)
    configuration = {fixture.action: dict(fixture.configuration)}
    (skill,) = await operator.provision(agent, pack.kind, fixture.action, configuration=configuration)
    if not skill["enabled"]:
        yield f"is not enabled: {skill['warnings']}"
        return
    replay.left, replay.problems = list(fixture.requests), []
    rows, refused = await _ran(operator, agent, skill, fixture, number)
    if replay.left:
        yield f"{len(replay.left)} requests were not made"
    replay.left = []
    for problem in replay.problems:
        yield problem
    if fixture.rows is not None and rows != [dict(row) for row in fixture.rows]:
        yield f"expected the rows {[dict(row) for row in fixture.rows]}, got {rows} ({refused})"
    if refused != fixture.refused:
        yield f"expected the refusal {fixture.refused}, got {refused}"


async def _ran(
    operator: Operator, agent: str, skill: dict[str, Any], fixture: Fixture, number: int
) -> tuple[list[dict[str, Any]] | None, str | None]:
    now = datetime.fromisoformat(fixture.now) if fixture.now else None
    facts = {"session": fixture.session, "verified": fixture.verified}
    try:
        if now is None:
            result = await operator.run(
                agent, skill, fixture.arguments, key=f"fixture-{number}", time_zone=fixture.time_zone, **facts
            )
        else:
            with time_machine.travel(now):
                result = await operator.run(
                    agent, skill, fixture.arguments, key=f"fixture-{number}", time_zone=fixture.time_zone, **facts
                )
    except PatchbayError as error:
        return None, error.code
    return result.rows, None

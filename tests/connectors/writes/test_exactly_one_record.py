"""Whatever is said: a write changes the one record and the named columns to exactly what was said, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.connectors.refusals import AlreadyExists, CallRefused, RecordNotFound
from patchbay.errors import PatchbayError
from patchbay.schema_graph.arguments import ArgumentsInvalid, MissingArguments
from patchbay.schema_graph.call import FrozenCall
from tests.connectors.writes.places import Place, back, model

COLUMNS = ("tag", "n", "big", "flag", "day", "ratio")
HOSTILE = ["'; DROP TABLE visits; --", "\\'", "%s", "$1", "?", "x' OR '1'='1", "\u00e9\U0001f600", "_utf8mb4 x'41'", "NULL", "/*"]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=40)
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tag": TEXTS,
    "n": st.integers(-(2**31), 2**31 - 1),
    "big": st.integers(-(2**63), 2**63 - 1).map(str),
    "flag": st.booleans(),
    "day": st.dates(date(1000, 1, 1), date(9999, 12, 31)).map(date.isoformat),
    "ratio": st.floats(-1e15, 1e15, allow_nan=False),
}
GIVEN = st.fixed_dictionaries({}, optional={name: values for name, values in VALUES.items()})


class Runner:
    """Runs calls from a test that is not asynchronous, on one source."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.loop = asyncio.new_event_loop()
        self.source = self.loop.run_until_complete(self._open())
        inputs = [model(name, required=False) for name in COLUMNS]
        self.update = self._proven("update", inputs)
        self.insert = self._proven("insert", inputs)

    async def _open(self) -> Any:
        return self.place.source("write")

    def _proven(self, verb: str, inputs: list[dict[str, Any]]) -> FrozenCall:
        body = {"operation": f"visits.{verb}", "inputs": [model("id"), *inputs], "projection": back(*COLUMNS)}
        return self.loop.run_until_complete(self.place.call(**body))

    def run(self, call: FrozenCall, arguments: dict[str, Any]) -> dict[str, Any] | type[PatchbayError]:
        """The record that came back, or the kind of refusal."""
        try:
            result = self.loop.run_until_complete(self.place.run(call, arguments, source=self.source))
        except (CallRefused, MissingArguments, ArgumentsInvalid) as refused:
            return type(refused)
        (row,) = result.rows
        return row

    def rows(self) -> dict[int, tuple[Any, ...]]:
        return {row[0]: row[1:] for row in self.place.all("visits")}


@pytest.fixture(scope="module")
def runner(place: Place) -> Iterator[Runner]:
    made = Runner(place)
    yield made
    made.loop.run_until_complete(made.source.close())
    made.loop.close()


def _same(said: dict[str, Any], row: dict[str, Any]) -> bool:
    expected = {name: value.strip() if isinstance(value, str) else value for name, value in said.items()}
    return all(row[name] == value for name, value in expected.items() if value != "")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=GIVEN, wanted=st.integers(1, 4))
def test_an_update_changes_the_named_columns_of_its_record_only(runner: Runner, said: dict[str, Any], wanted: int) -> None:
    place = runner.place
    place.execute("DELETE FROM visits")
    place.execute("INSERT INTO visits (id, tag, n, flag) VALUES (1, 'a', 1, true), (2, 'b', 2, false), (3, 'c', 3, NULL)")
    before = runner.rows()
    row = runner.run(runner.update, {"id": wanted, **said})
    after = runner.rows()
    if not isinstance(row, dict):
        assert after == before
        assert row is not RecordNotFound or wanted not in before
        return
    assert {key for key in before if before[key] != after[key]} <= {wanted}
    assert after.keys() == before.keys()
    assert _same(said, row)
    names = dict(zip(COLUMNS, zip(before[wanted], after[wanted], strict=True), strict=True))
    assert all(old == new for name, (old, new) in names.items() if said.get(name, "") == "")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=GIVEN, wanted=st.integers(1, 3))
def test_an_insert_adds_one_record_or_none(runner: Runner, said: dict[str, Any], wanted: int) -> None:
    place = runner.place
    place.execute("DELETE FROM visits")
    place.execute("INSERT INTO visits (id, tag) VALUES (1, 'a'), (2, 'b')")
    before = runner.rows()
    row = runner.run(runner.insert, {"id": wanted, **said})
    after = runner.rows()
    if not isinstance(row, dict):
        assert after == before
        assert row is not AlreadyExists or wanted in before
        return
    assert wanted not in before
    assert after.keys() - before.keys() == {wanted}
    assert all(after[key] == before[key] for key in before)
    assert _same(said, row)
    assert all(row[name] is None for name in COLUMNS if said.get(name, "") == "")

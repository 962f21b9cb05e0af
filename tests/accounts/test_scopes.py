from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from patchbay.accounts.principal import Principal
from patchbay.accounts.scopes import SCOPES, check_scopes
from patchbay.errors import ValidationFailed

ENDPOINTS = Path(__file__).parents[3] / "shared" / "reference" / "endpoints.csv"


@pytest.mark.skipif(not ENDPOINTS.exists(), reason="the reference is not beside the project")
def test_every_scope_of_the_contract_exists_and_no_other() -> None:
    with ENDPOINTS.open() as file:
        named = {row["scope"] for row in csv.DictReader(file)}
    assert {scope for scope in named if re.fullmatch(r"[a-z]+:[a-z]+", scope)} == set(SCOPES) - {"*"}


def test_scopes_are_trimmed_and_counted_once() -> None:
    assert check_scopes([" agents:read", "agents:read", "", "*"]) == {"agents:read", "*"}


def test_every_unknown_scope_is_named_with_the_nearest() -> None:
    with pytest.raises(ValidationFailed) as refused:
        check_scopes(["agents:read", "agent:write", "zzz"])
    first, second = refused.value.errors
    assert first.field == "scopes.1"
    assert str(first.hint).startswith("Did you mean 'agents:write'")
    assert (second.field, second.hint) == ("scopes.2", None)


def test_a_principal_may_what_its_scopes_say() -> None:
    some = Principal("org_1", "key_1", "CI", frozenset({"agents:read"}))
    everything = Principal("org_1", "key_1", "CI", frozenset({"*"}))
    assert some.may("agents:read")
    assert not some.may("agents:write")
    assert all(everything.may(scope) for scope in SCOPES)

"""Carrying a check out: the verifier is run with what the caller gave, and what it returns is compared here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, cast

import msgspec

from patchbay.agent_runtime.services import Runner
from patchbay.agent_runtime.verification.checks import SUBJECT_LEAF, VERIFIED_LEAF, Check
from patchbay.agent_runtime.verification.comparing.fields import Place, canonical_field, kind_of, same, spelled
from patchbay.agent_runtime.verification.comparing.spoken import plain
from patchbay.errors import PatchbayError
from patchbay.schema_graph.arguments import ArgumentRefused, ArgumentsInvalid, MissingArguments, validate_arguments
from patchbay.schema_graph.call import CallContext, CallResult
from patchbay.schema_graph.phones import to_e164

_NOBODY: Mapping[str, Any] = {}
_STAND_INS: dict[str, str] = {"date": "1900-01-01", "postcode": "ZZ99 9ZZ"}


class Answer(msgspec.Struct, frozen=True):
    """What came of a check. ``undecided``: the verifier could not be asked, so nothing was compared; ``why`` is for the receipt.

    ``facts`` are what is proven of the caller; ``phone`` is where an ``otp_sms`` code goes.
    """

    verdict: Literal["matched", "no_match", "undecided"]
    facts: dict[str, Any] = {}
    phone: str | None = None
    why: str | None = None


async def carry_out(
    runner: Runner, org_id: str, check: Check, values: Mapping[str, str], context: CallContext, place: Place
) -> Answer:
    """Run the verifier of ``check`` with ``values`` (by field) and compare. ``context`` brings everything but the arguments."""
    context = msgspec.structs.replace(context, arguments=_arguments(check, values, place))
    try:
        result = await runner.run(org_id, check.call, context)
    except (ArgumentsInvalid, ArgumentRefused, MissingArguments):
        return Answer("no_match")  # what was said cannot be a value of the verifier's, so it is nobody's
    except PatchbayError as refusal:
        return Answer("undecided", why=refusal.code)
    except TimeoutError:
        return Answer("undecided", why="deadline")
    return judge(check, result, values, place)


def judge(check: Check, result: CallResult, values: Mapping[str, str], place: Place) -> Answer:
    """What the verifier's result says: exactly one row, every compared leaf the caller's, and ``verified`` true where it is in
    the row; a webhook that judges by itself has to say it.

    A webhook that leaves nothing to compare has to say ``verified``: whatever else it answers proves nothing.

    When there is no such row, the same comparisons are made against stand-ins, so that it takes no less time to be told no.
    """
    single = len(result.rows) == 1 and not result.ambiguous and not result.truncated
    row: Mapping[str, Any] = result.rows[0] if single else _NOBODY
    matches = [
        same(values[f.name], row.get(f.at) if single else _STAND_INS.get(f.kind, "0000"), f.kind, place)
        for f in check.fields
        if f.place == "output"
    ]
    said_so = row[VERIFIED_LEAF] is True if VERIFIED_LEAF in row else not check.says_so
    if not (single and said_so and all(matches)):
        return Answer("no_match")
    phone = row.get(check.phone_leaf) if check.phone_leaf is not None else None
    return Answer("matched", facts=facts_of(check, row), phone=to_e164(str(phone), place.country) if phone else None)


def facts_of(check: Check, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the verifier said of the caller, without the secrets: its leaves, and the members of ``subject`` one by one."""
    facts: dict[str, Any] = {}
    for leaf, value in row.items():
        if leaf == SUBJECT_LEAF and isinstance(value, Mapping):
            facts |= {str(k): v for k, v in cast(Mapping[Any, Any], value).items()}
        elif leaf not in (VERIFIED_LEAF, SUBJECT_LEAF):
            facts[leaf.removeprefix(f"{SUBJECT_LEAF}.")] = value
    asked = {f.name for f in check.fields}
    return {
        k: v
        for k, v in facts.items()
        if v is not None and k not in check.compared and canonical_field(k) not in asked and not _secret(k)
    }


def _secret(leaf: str) -> bool:
    """Whether a leaf holds, by its name, what another check may ask for: such a value is no fact to keep."""
    return kind_of(leaf) == "digits" or canonical_field(leaf) == "date_of_birth"


def claim(check: Check, values: Mapping[str, str], context: CallContext, place: Place) -> list[tuple[str, str]]:
    """Who the caller says they are: what the verifier finds them by, without what only proves it, in one form.

    What the system is given counts and not how it was said, so that no other way to write an account number is another account.
    """
    inputs = [f for f in check.fields if f.place == "input"]
    given = _as_given(check, values, context, place)
    saying = [f for f in inputs if not f.secret] or [f for f in inputs if f.kind == "date"]
    claims = [(f.name, _in_one_form(given.get(f.at, values[f.name]), f.kind, place.country)) for f in saying]
    known = [i for i in check.call.inputs if i.source == "session"]
    claims += [
        (i.key or i.param, _in_one_form(str(context.session.get(i.key or i.param)), "phone", place.country)) for i in known
    ]
    return sorted(claims)


def _arguments(check: Check, values: Mapping[str, str], place: Place) -> dict[str, Any]:
    return {f.at: spelled(values[f.name], f.kind, place) for f in check.fields if f.place == "input"}


def _as_given(check: Check, values: Mapping[str, str], context: CallContext, place: Place) -> dict[str, str]:
    """The numbers and texts the verifier's system is given, by parameter; nothing where it would not be asked at all."""
    try:
        context = msgspec.structs.replace(context, arguments=_arguments(check, values, place))
        given = validate_arguments(check.call.inputs, context)
    except PatchbayError:
        return {}
    return {p: str(v) for p, v in given.items() if isinstance(v, str | int | Decimal)}


def _in_one_form(value: str, kind: str, country: str | None) -> str:
    if kind == "phone":
        return to_e164(value, country) or plain(value)
    parts = re.findall(r"[^\W_]+", plain(value))
    if kind == "name":
        return " ".join(sorted(parts))
    # A system may hold as a number what is a text to us: zeros in front of it say nothing.
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(parts))

"""Anything at all may be sent as a binding: it is bound, or refused with findings, and nothing else happens."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.bindings.check import BindingInvalid, Target, check
from patchbay.bindings.compile.sql import compile_postgres
from patchbay.bindings.model import parse_binding
from patchbay.errors import PatchbayError, ValidationFailed
from tests.bindings.clinic import LOOK_UP, TARGET, clinic

BLOCKED = {"customers": ("ssn", "card_number"), "appointments": ("note",), "open_appointments": ("note",)}
VIEW = clinic(blocked_tables=("staff",), blocked_columns=BLOCKED)
HIDDEN = ("ssn", "card_number", "staff'", "note'", "guessed")
NAMES = [
    "phone",
    "customer",
    "customer.phone",
    "appointment",
    "starts_at",
    "fee",
    "tags",
    "region",
    "name",
    "data",
    "edges",
    "node",
    "appointments",
]
NAMES += ["a.b", '"a.b"', "", ".", '"', '""', "hidden", "guessed", "staff_ref", "status", "wall_time", "shape", "paid", "phonne"]
TEXTS = st.sampled_from(NAMES) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("now"), inner, max_size=2),
    max_leaves=4,
)


def member(**of: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=of)


TRANSFORMS = (
    member(
        type=st.sampled_from(
            ["phone", "date_time", "money_minor", "enum_words", "trim", "scale", "split_name", "join_name", "other"]
        ),
        format=st.sampled_from(["e164", "national", "epoch_seconds", "iso_local", "date_dmy"]),
        currency=st.sampled_from(["CAD", "jpy", "XXQ"]),
        words=st.dictionaries(TEXTS, TEXTS, max_size=3),
        digits=st.integers(-20, 20),
        familyArg=TEXTS,
        familyPath=st.lists(TEXTS, max_size=3),
        timeZone=TEXTS,
    )
    | VALUES
)
PATHS = st.lists(TEXTS | st.integers(-1, 25), max_size=4) | TEXTS
BODIES = member(
    toolName=TEXTS,
    operation=st.sampled_from(["appointments.read", "customers.read", "open_appointments.read", "staff.read", "a.read"]) | TEXTS,
    inputs=st.lists(
        member(
            param=st.sampled_from(["p", "q", "caller_phone", "a b"]),
            arg=TEXTS,
            required=st.booleans(),
            source=st.sampled_from(["model", "session", "verified", "constant"]),
            key=TEXTS,
            value=VALUES,
            transform=TRANSFORMS,
        ),
        max_size=3,
    ),
    filters=st.lists(
        member(
            arg=TEXTS,
            op=st.sampled_from(["eq", "ne", "lt", "ge", "in", "is_null"]),
            value=VALUES,
            param=st.sampled_from(["p", "q", "r"]),
        ),
        max_size=3,
    ),
    projection=st.lists(
        st.fixed_dictionaries(
            {"path": PATHS, "leaf": st.sampled_from(["a", "b", "c", "1", "A"])}, optional={"transform": TRANSFORMS}
        ),
        max_size=3,
    ),
    orderBy=st.lists(st.fixed_dictionaries({"path": PATHS}), max_size=2),
    limit=st.integers(-1, 60),
    enabled=st.booleans(),
)
TARGETS = st.sampled_from(
    [TARGET, Target(connection_id="c", kind="postgres"), Target(connection_id="c", kind="postgres", default_country="??")]
)


def refusal_of(changes: Any, target: Target = TARGET) -> PatchbayError | None:
    try:
        checked = check(parse_binding(changes), VIEW, target)
    except (ValidationFailed, BindingInvalid) as refusal:
        return refusal
    assert compile_postgres(checked.plan, VIEW).sql.startswith("SELECT ")
    return None


@given(changes=BODIES, target=TARGETS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bound_or_refused_with_findings(changes: dict[str, Any], target: Target):
    refusal = refusal_of(LOOK_UP | changes, target)
    if refusal is None:
        return
    assert refusal.errors
    sent = str(changes)
    hidden = [word for word in HIDDEN if word.strip("'") not in sent]
    for finding in refusal.errors:
        assert not any(word in f"{finding.message} {finding.hint}" for word in hidden)


@given(st.dictionaries(st.sampled_from(sorted({*LOOK_UP, "limit", "filters", "x"})), VALUES) | VALUES)
@settings(max_examples=200, deadline=None)
def test_any_body_is_read_or_refused(body: Any):
    refusal = refusal_of(body)
    findings = refusal.errors if refusal else ()
    assert bool(findings) == (refusal is not None)
    assert all(finding.field and finding.code and finding.message for finding in findings)

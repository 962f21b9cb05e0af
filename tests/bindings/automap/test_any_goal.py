"""Any goal over any graph under any scoping: a binding that compiles, or a refusal; and nothing blocked is ever named."""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchbay.bindings.automap.choosing import offers, question, read_choice
from patchbay.bindings.automap.explaining import Why
from patchbay.bindings.automap.goal import read_goal
from patchbay.bindings.automap.proposing import NoValidBinding, Proposal, propose, propose_from
from patchbay.bindings.automap.scoring import rank
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.graphql.documents import read_document
from patchbay.connectors.graphql.normalize.graph import build_graph
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.schema_graph.search import SearchIndex, build_index
from tests.bindings.clinic import clinic
from tests.schema_graph.graphs import graphs, scopings
from tests.servers.datasets import shared_data

WORDS = [
    "look",
    "up",
    "find",
    "list",
    "show",
    "tell",
    "return",
    "cancel",
    "change",
    "add",
    "create",
    "update",
    "delete",
    "which",
    "what",
    "when",
    "where",
    "who",
    "how",
    "much",
    "many",
    "is",
    "are",
    "the",
    "a",
    "an",
    "this",
    "that",
    "their",
    "its",
    "by",
    "from",
    "given",
    "with",
    "of",
    "for",
    "in",
    "on",
    "to",
    "and",
    "or",
    "not",
    ",",
    ".",
    "?",
    ":",
    "'",
    "customer",
    "order",
    "orders",
    "people",
    "person",
    "name",
    "phone",
    "email",
    "number",
    "total",
    "secret",
    "id",
    "a",
    "b",
    "latest",
    "3",
    "next",
    "open",
    "today",
    "since",
    "date",
    "status",
    "invoice",
    "pet",
    "user",
    "issue",
    "repository",
    "message",
]
ROOT = Path(__file__).resolve().parents[3]
GOALS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60)
TARGETS = st.sampled_from(
    [
        Target(connection_id="c", kind="postgres", time_zone="America/Toronto", default_country="CA"),
        Target(connection_id="c", kind="postgres"),
    ]
)


def judged(goal: str, view: View, index: SearchIndex, target: Target) -> Proposal | NoValidBinding:
    """The proposal, found to compile by anyone who asks, or the refusal."""
    try:
        proposal = propose(goal, view, index, target)
    except NoValidBinding as refusal:
        return refusal
    binding = parse_binding(proposal.binding.to_json())
    compile_plan(check(binding, view, target).plan, view)
    assert binding.enabled is False
    operation = view.operation(binding.operation)
    assert operation is not None
    assert (operation.effect == "write") == read_goal(goal).writes
    assert isinstance(proposal.why, Why)
    assert 0 <= proposal.why.confidence <= 1
    assert propose(goal, view, index, target).binding == proposal.binding
    return proposal


@given(graph=graphs(), scoping=scopings(), goal=GOALS, target=TARGETS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_graph(graph: Graph, scoping: Scoping, goal: str, target: Target):
    view = View(graph, scoping)
    outcome = judged(goal, view, build_index(view), target)
    if isinstance(outcome, Proposal):
        assert view.operation(outcome.binding.operation) is not None
        named = [one.operation for one in outcome.why.alternatives]
    else:
        named = [one["operation"] for one in outcome.extensions["candidates"]]
    assert all(view.operation(name) is not None for name in named)


@given(graph=graphs(), scoping=scopings(), goal=GOALS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_a_model_is_offered_is_in_view(graph: Graph, scoping: Scoping, goal: str):
    view = View(graph, scoping)
    read = read_goal(goal)
    for offer in offers(read, rank(read, view, build_index(view))):
        operation = view.operation(offer.operation)
        assert operation is not None
        assert set(offer.arguments) <= {argument.name for argument in view.arguments(operation)}


@functools.cache
def system(path: str) -> tuple[View, SearchIndex]:
    file = shared_data() / path
    if not file.exists():
        pytest.skip(f"{path} is not among the shared data")
    if path.startswith("openapi/"):
        graph = read_graph({file.name: file.read_bytes()}, DocumentSettings()).graph
    else:
        graph = build_graph(read_document(file.read_bytes()))
    view = View(graph)
    return view, build_index(view)


REAL = ["openapi/petstore3/openapi.yaml", "openapi/xero/xero-projects.yaml", "graphql/swapi/schema.graphql"]


@given(path=st.sampled_from(REAL), goal=GOALS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_real_documents(path: str, goal: str):
    view, index = system(path)
    target = Target(connection_id="c", kind=view.kind, time_zone="America/Toronto", default_country="CA")
    judged(goal, view, index, target)


ENGLISH = st.lists(st.sampled_from(WORDS), min_size=200, max_size=400).map(" ".join)
SAID = st.sampled_from(
    [
        "顧客の電話番号から名前とメールを調べて",
        "Найди клиента по номеру телефона и скажи его имя",
        "Suche den Kunden anhand der Telefonnummer und gib mir seine E-Mail",
        "ابحث عن العميل برقم الهاتف",
        "Trouve la commande d'un client grâce à son e-mail",
        "İĞŞ ﬀ Å ß ſ ①②③ customer's 🤖👩‍👩‍👧 phone\u0000\u200b\u202e name\ud800",
        "'" * 5_000,
        "a" * 10_000,
        "customer " * 1_200,
        "of the " * 1_500,
        "take a b c " * 900,
        "has the has the " * 600,
        "(" * 10_000,
        "0" * 10_000,
    ]
)
ANY_TEXT = (
    st.text(max_size=200) | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Mn"]), max_size=200) | SAID | ENGLISH
)
LONG_TEXT = st.tuples(ANY_TEXT, st.integers(1, 60)).map(lambda one: (one[0] * one[1])[:10_000])
SECONDS = 5.0
"""Processor time that any goal at all may take over a small schema: many times what one does."""


@functools.cache
def own(name: str) -> tuple[View, SearchIndex]:
    if name == "clinic":
        view = clinic()
    else:
        view = View(build_graph(read_document((ROOT / "benchmarks/automap_goals/schemas/restaurant.graphql").read_bytes())))
    return view, build_index(view)


@given(name=st.sampled_from(["clinic", "restaurant"]), goal=ANY_TEXT | LONG_TEXT)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_text(name: str, goal: str):
    view, index = own(name)
    target = Target(connection_id="c", kind=view.kind, time_zone="America/Toronto", default_country="CA")
    began = time.process_time()
    outcome = judged(goal, view, index, target)
    assert time.process_time() - began < SECONDS
    if isinstance(outcome, NoValidBinding):
        assert isinstance(outcome.extensions["candidates"], list)
        assert json.dumps([outcome.detail, outcome.hint, outcome.extensions])


NUMBERS = st.lists(st.integers(-1, 40), max_size=6)
ANSWERS = st.fixed_dictionaries({"candidate": st.integers(-1, 12), "arguments": NUMBERS, "fields": NUMBERS})


@given(path=st.sampled_from(REAL), goal=GOALS, answer=ANSWERS | st.text(max_size=40) | st.dictionaries(st.text(), st.integers()))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_model_answers(path: str, goal: str, answer: Any):
    view, index = system(path)
    target = Target(connection_id="c", kind=view.kind, time_zone="America/Toronto", default_country="CA")
    read = read_goal(goal)
    ranking = rank(read, view, index)
    offered = offers(read, ranking)
    assert question(read, offered)
    choice = read_choice(answer if isinstance(answer, str) else json.dumps(answer), offered)
    try:
        proposal = propose_from(read, ranking, view, target, choice=choice)
    except NoValidBinding:
        return
    compile_plan(check(parse_binding(proposal.binding.to_json()), view, target).plan, view)

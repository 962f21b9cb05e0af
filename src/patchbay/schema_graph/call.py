"""The value types of a call: what a binding means (:class:`Plan`) and what a live conversation may run (:class:`FrozenCall`).

Both are plain values that turn into JSON and back. A frozen call names its connection by id and holds no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from patchbay.schema_graph.model import Effect, FieldType
from patchbay.schema_graph.moments import Moment
from patchbay.schema_graph.transform import EnumWords, Transform, said_type

FORMAT_VERSION = 1

Source = Literal["model", "session", "verified", "constant"]
Comparison = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "is_null", "not_null"]
Codec = Literal["plain", "phone", "email", "e164"]
Place = Literal["path", "query", "header", "cookie", "json", "form", "multipart", "variable"]
Direction = Literal["asc", "desc"]
VerificationLevel = Literal["none", "basic", "step_up"]
Guarantee = Literal["upstream_key", "unique_key", "none"]
"""What keeps a write from happening twice: a key the other side takes, a unique key of the record, or nothing."""


class _Value(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of the call values: camelCase in JSON, defaults left out."""


class Column(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A field reached from the operation's record: ``via`` are the names of the edges on the way, in order.

    ``inner`` are the names below ``field``, of members of a nested value. ``many`` says that a list lies on the way: the leaf is
    then the list of the values. ``picks`` are the elements taken of lists on the way, as (names on the way to the list, element).
    """

    object: str
    field: str
    type: FieldType
    native_type: str
    via: tuple[str, ...] = ()
    nullable: bool = True
    zoned: bool = False
    item_type: FieldType | None = None
    inner: tuple[str, ...] = ()
    many: bool = False
    picks: tuple[tuple[int, int], ...] = ()


class CallInput(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One value the call needs, and where it comes from.

    ``param`` is the agent's parameter. ``source`` decides who supplies it: the model, the session (``key`` names the fact, for
    instance ``caller_number``), a verified identity (``key`` names the field) or a ``constant``. Only model inputs are in a
    tool's schema. ``codec`` ``phone`` turns a number into every spelling in ``formats`` (shapes, digits as ``9``), with
    ``country`` (ISO 3166-1 alpha-2) for numbers without a country code; ``email`` turns an address into its usual spellings in
    small and capital letters; ``e164`` turns a number into the one form it is sent or written in: the one shape in ``formats``,
    else E.164.
    ``time_zone`` (IANA) is the one a timestamp without zone is stored in. ``item_type`` is the type of an array's elements.
    ``transform`` is between the agent's value and the argument's, which ``type`` and the rest are of. An input with source
    ``derived`` is another part of what the input ``key`` is given. ``minimum`` and ``maximum`` are inclusive. ``tidy``:
    white space around a text and more than one space inside it mean nothing.
    """

    param: str
    arg: str
    type: FieldType
    native_type: str
    source: Source | Literal["derived"] = "model"
    key: str | None = None
    constant: Any = None
    required: bool = False
    description: str | None = None
    enum: tuple[str, ...] = ()
    max_length: int | None = None
    codec: Codec = "plain"
    formats: tuple[str, ...] = ()
    country: str | None = None
    zoned: bool = False
    time_zone: str | None = None
    item_type: FieldType | None = None
    transform: Transform | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    tidy: bool = False

    @property
    def said_type(self) -> FieldType:
        """The type of the agent's values; of a list, of its elements where they are transformed."""
        return self.type if self.transform is None else said_type(self.transform)

    @property
    def said_enum(self) -> tuple[str, ...]:
        """What the agent may say, where that is one of a few."""
        if isinstance(self.transform, EnumWords):
            return tuple(word for _, word in self.transform.words)
        return self.enum if self.transform is None else ()


def source_of(given: CallInput, inputs: Iterable[CallInput]) -> Source:
    """Who supplies an input's value; of a derived one, who supplies what it is a part of."""
    if given.source != "derived":
        return given.source
    origin = next(one for one in inputs if one.param == given.key)
    return source_of(origin, ())


class Join(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A to-one step: from the record at ``source`` (a path of edge names) over ``edge`` to ``target``."""

    source: tuple[str, ...]
    edge: str
    target: str
    pairs: tuple[tuple[str, str], ...]


class ListRead(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A to-many step that leaves are lists over: from the record at ``source`` over ``edge`` to the records of ``target``, in the
    order of their one-column ``key``. ``joins`` are to-one steps beyond it; their sources are whole paths.
    """

    source: tuple[str, ...]
    edge: str
    target: str
    pairs: tuple[tuple[str, str], ...]
    key: str
    direction: Direction = "asc"
    joins: tuple[Join, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the edges to the list, its own last."""
        return (*self.source, self.edge)


class Filter(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A predicate on one column: against an input (``param``), a literal (``value``) or the time of the call (``now``), which may
    be a moment told from it.
    """

    column: Column
    op: Comparison
    param: str | None = None
    value: Any = None
    now: bool | Moment = False


class Given(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What one argument of a called operation is given: an input (``param``), a literal (``value``), the time (``now``) or the
    idempotency key of this one write (``key``). ``parts`` are inputs whose texts are written behind that of ``param``.
    """

    arg: str
    param: str | None = None
    value: Any = None
    now: bool | Moment = False
    key: bool = False
    parts: tuple[str, ...] = ()


class Assign(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What a write gives one column of its record: an input (``param``), a literal (``value``) or the call's time (``now``)."""

    column: Column
    param: str | None = None
    value: Any = None
    now: bool | Moment = False


class Order(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One sort term. Nulls come last either way."""

    column: Column
    direction: Direction = "asc"


class Output(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One leaf of the result, under the agent's own name. ``transform`` is between the system's value and the agent's. A
    ``hidden`` leaf is there for another's transform and in no result. An ``optional`` one may go: the call then runs without it.
    """

    leaf: str
    column: Column
    description: str | None = None
    transform: Transform | None = None
    hidden: bool = False
    optional: bool = False

    @property
    def said_type(self) -> FieldType:
        """The type of the agent's values; of a list, of its elements where they are transformed."""
        return self.column.type if self.transform is None else said_type(self.transform)


class Touch(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What the call reads or writes of one object, through views down to the tables under them.

    ``fields`` None means that any field may be read. ``opaque`` objects count as blocked once anything on the connection is.
    """

    object: str
    fields: tuple[str, ...] | None = None
    opaque: bool = False


class SliceItem(_Value, frozen=True, rename="camel", omit_defaults=True):
    """The part of one object that a call uses: what its slice fingerprint is computed over.

    ``inner`` are the paths of the members used of nested values, each from its field on; such fields are not in ``fields``.
    ``arguments``, on the item of the operation's record, are those of the operation that the call gives; None: all of them.
    """

    object: str
    fields: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    inner: tuple[tuple[str, ...], ...] = ()
    arguments: tuple[str, ...] | None = None


class GroundArgument(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One argument that the call gives, as the operation had it when the call was proven."""

    name: str
    type: FieldType
    native_type: str
    required: bool = False
    enum: tuple[str, ...] = ()
    rest: str = ""


class GroundField(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One field (or, by its ``path``, a member of a nested value) as it was. ``compared``: the call filters, sorts, joins by or
    sets it; ``indexed``: it filters by it, and an index served. ``rest`` is a digest over what else must not change.
    """

    path: tuple[str, ...]
    type: FieldType
    native_type: str
    nullable: bool = True
    enum: tuple[str, ...] = ()
    compared: bool = False
    indexed: bool = False
    rest: str = ""


class GroundEdge(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One relationship as it was: ``rest`` is a digest over its ends."""

    name: str
    rest: str


class GroundObject(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What the call uses of one object as it was. ``rest`` is a digest over what the object is and the views under it; ``told``
    over its texts and indexes, which mean nothing to the call.
    """

    name: str
    fields: tuple[GroundField, ...] = ()
    edges: tuple[GroundEdge, ...] = ()
    rest: str = ""
    told: str = ""


class Ground(_Value, frozen=True, rename="camel", omit_defaults=True):
    """The slice as it was when the call was proven: what a later schema is judged against (:mod:`patchbay.schema_graph.drift`).

    ``operation`` is a digest over how it is invoked. ``keys`` are the unique keys of the record, one of which has to be there for
    the call to mean one record; empty where it does not rely on any.
    """

    operation: str
    arguments: tuple[GroundArgument, ...] = ()
    objects: tuple[GroundObject, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()


class Caps(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What bounds one call: records returned, bytes of result read, milliseconds until it is given up, and the ``elements`` of a
    list that a to-many step in a database gives.
    """

    rows: int = 5
    bytes: int = 65_536
    deadline_ms: int = 4_000
    elements: int = 20


class Plan(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What a checked binding means, with every name resolved against the view. Input of the compilers.

    ``time_zone`` (IANA) is the connection's: timestamps without zone are read and written in it. ``demand_one`` says that every
    filter is optional and that one of them has to be given, else the call finds nothing. ``ranked`` says that the rows are the
    first so many of an order the author chose: leaving out the others is the answer, not a cut. ``given`` is for called
    operations what ``filters`` are for records. An insert or update of a record sets ``assigned``; an update finds the record by
    ``filters``, all of them equalities. ``guarantee`` is a write's, ``succeeds`` a called one's; ``key`` names the fields of the
    unique key its record is found again by: those an update is bound by, and of an insert those it sets, or the one the server
    numbers.
    """

    kind: str
    connection_id: str
    operation: str
    effect: Effect
    verb: str
    object: str
    inputs: tuple[CallInput, ...]
    outputs: tuple[Output, ...]
    touches: tuple[Touch, ...]
    slice: tuple[SliceItem, ...]
    slice_fingerprint: str
    filters: tuple[Filter, ...] = ()
    joins: tuple[Join, ...] = ()
    lists: tuple[ListRead, ...] = ()
    order: tuple[Order, ...] = ()
    caps: Caps = Caps()
    identifying: bool = False
    verification: VerificationLevel = "none"
    time_zone: str | None = None
    demand_one: bool = False
    ranked: bool = False
    given: tuple[Given, ...] = ()
    assigned: tuple[Assign, ...] = ()
    guarantee: Guarantee | None = None
    key: tuple[str, ...] = ()
    succeeds: Success | None = None


class Success(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A write was done where its answer holds ``equals`` at the (hidden) output ``leaf``, and was not where it holds something
    else. ``said`` by the binding: an answer without it leaves open whether it was.
    """

    leaf: str
    equals: bool | int | str
    said: bool = False


class SqlSlot(_Value, frozen=True, rename="camel", omit_defaults=True):
    """What fills a placeholder (see :class:`SqlCall`): an input, a literal, or the time of the call.

    ``many`` says that the placeholder takes several values of the native type: an array in ``= ANY($n)`` of PostgreSQL, all of
    them in ``IN (?)`` of MySQL. ``time_zone`` (IANA) is the one a timestamp without zone is stored in. ``made`` is the number
    the server gave the record that was inserted just before.
    """

    native_type: str
    type: FieldType
    param: str | None = None
    value: Any = None
    now: bool | Moment = False
    many: bool = False
    zoned: bool = False
    time_zone: str | None = None
    made: bool = False


class SqlRead(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A statement that goes with a write and finds the written record. Its columns are the call's outputs, then ``compared``."""

    sql: str
    slots: tuple[SqlSlot, ...] = ()
    compared: tuple[Column, ...] = ()


class SqlCall(_Value, frozen=True, rename="camel", omit_defaults=True, tag_field="form", tag="sql"):
    """One parameterized statement. PostgreSQL: the n-th slot fills ``$n``, wherever it stands. MySQL: it fills the n-th ``?``.

    ``compared`` are columns behind the outputs that come along for their types alone, and are in no result. Of a write that
    does not return the record itself, ``read_back`` finds it in the same transaction. ``confirm`` finds it only where it holds
    the values that were written; there is one for a write whose guarantee is a unique key. ``one_of``: unless one of these
    inputs is given, there is nothing to write.
    """

    sql: str
    slots: tuple[SqlSlot, ...] = ()
    compared: tuple[Column, ...] = ()
    read_back: SqlRead | None = None
    confirm: SqlRead | None = None
    one_of: tuple[str, ...] = ()


class RequestSlot(_Value, frozen=True, rename="camel", omit_defaults=True):
    """One value of a request: where it goes, and what fills it: an input (``param``), a literal (``value``), the time (``now``)
    or the write's idempotency key (``key``).

    ``name`` is the wire's own name; ``path`` leads to it inside a JSON or form body or a GraphQL variable (``("where",
    "number", "eq")``); ``[]`` in it stands for the one element of a list. ``style`` and ``explode`` are OpenAPI's. An input that
    was not given is left out. ``demanded_by`` leads, like ``path``, to the parent that must have this value once anything in it
    is given; None where no parent demands it. ``parts`` are further inputs: of ``param`` and them, the texts of those that are
    given stand behind each other with a space between.
    """

    place: Place
    name: str
    type: FieldType
    native_type: str
    path: tuple[str, ...] = ()
    item_type: FieldType | None = None
    param: str | None = None
    value: Any = None
    now: bool | Moment = False
    style: str | None = None
    explode: bool | None = None
    demanded_by: tuple[str, ...] | None = None
    key: bool = False
    parts: tuple[str, ...] = ()


class HttpCall(_Value, frozen=True, rename="camel", omit_defaults=True, tag_field="form", tag="http"):
    """One request template of a REST API. ``path`` is relative to the connection's base URL, placeholders in braces.

    ``server`` is another base URL where the operation names one of the same host. ``record`` leads to the record, or with
    ``many`` to the list of them, in the answer; ``leaves`` are, in step with the call's outputs, the property names from a record
    to each leaf: lists on the way are gone through, unless a number behind them picks one element. ``more`` leads to what says,
    by being true or not empty, that there are further pages. ``demand_one``: every input is optional, and without any of them
    the system is not asked. ``succeeds``: how a write's answer says that it was done, where it does.
    """

    method: str
    path: str
    slots: tuple[RequestSlot, ...] = ()
    leaves: tuple[tuple[str | int, ...], ...] = ()
    content_type: str | None = None
    server: str | None = None
    record: tuple[str, ...] = ()
    many: bool = False
    more: tuple[str, ...] = ()
    demand_one: bool = False
    succeeds: Success | None = None


class GraphqlCall(_Value, frozen=True, rename="camel", omit_defaults=True, tag_field="form", tag="graphql"):
    """One GraphQL document of one operation, and what fills its variables. The rest is as in :class:`HttpCall`; ``record`` and
    ``more`` start at the answer's ``data``, so their first name is the query field's. So do ``refusals``: each leads to a list
    in a mutation's payload that holds why it was refused, and is empty when it was not.
    """

    document: str
    operation_name: str
    slots: tuple[RequestSlot, ...] = ()
    leaves: tuple[tuple[str | int, ...], ...] = ()
    record: tuple[str, ...] = ()
    many: bool = False
    more: tuple[str, ...] = ()
    demand_one: bool = False
    refusals: tuple[tuple[str, ...], ...] = ()
    succeeds: Success | None = None


class RecipeCall(_Value, frozen=True, rename="camel", omit_defaults=True, tag_field="form", tag="recipe"):
    """Several frozen calls and the name of the reviewed function that composes them (``patchbay.agent_runtime.recipes``).

    ``parts`` are by the names the recipe knows them under; what a part takes from the model, the recipe gives it. ``settings``
    are the recipe's own, as JSON.
    """

    recipe: str
    parts: Mapping[str, FrozenCall]
    settings: Mapping[str, Any] = {}


class OwnCall(_Value, frozen=True, rename="camel", omit_defaults=True, tag_field="form", tag="own"):
    """What Patchbay does itself (a mail, a text message, a transfer, a place on a map): its kind says what, ``settings`` how."""

    settings: Mapping[str, Any] = {}


Body = SqlCall | HttpCall | GraphqlCall | RecipeCall | OwnCall
WEBHOOK = "webhook"
"""The kind of a call to an endpoint of the customer's own."""
MCP = "mcp"
"""The kind of a call of a remote MCP server's tool."""
KNOWLEDGE = "knowledge"
"""The kind of a call that searches what the agent knows."""
RECIPE = "recipe"
"""The kind of a call that composes others."""
TRANSFER = "transfer"
"""The kind of a call that brings the caller to a person."""


class Candidate(_Value, frozen=True, rename="camel", omit_defaults=True):
    """A compiled plan that no live system has confirmed yet. ``fallback`` is the same without its optional leaves."""

    plan: Plan
    body: Body
    fallback: Candidate | None = None


class Fallback(_Value, frozen=True, rename="camel", omit_defaults=True):
    """The call without its optional leaves, compiled and proven together with it: it runs once those are gone.

    ``body`` is None where the call's own does (a REST answer that lacks a member).
    """

    slice: tuple[SliceItem, ...]
    body: Body | None = None


class FrozenCall(_Value, frozen=True, rename="camel", omit_defaults=True):
    """The compiled and proven call: all a live conversation may run.

    ``identifying`` calls look for one record: more than one row marks the result ambiguous. ``slice_fingerprint`` is over the
    part of the graph the call uses; ``touches`` is what scoping is checked against when it runs. ``time_zone`` (IANA) is the
    one timestamps without zone are stored in. ``guarantee`` is a write's: what keeps it from happening twice. ``ground`` is the
    slice as it was; without one, any change of the slice's fingerprint counts.
    """

    format_version: int
    connection_id: str
    kind: str
    operation: str
    effect: Effect
    body: Body
    inputs: tuple[CallInput, ...]
    outputs: tuple[Output, ...]
    touches: tuple[Touch, ...]
    caps: Caps
    slice: tuple[SliceItem, ...]
    slice_fingerprint: str
    identifying: bool = False
    verification: VerificationLevel = "none"
    time_zone: str | None = None
    guarantee: Guarantee | None = None
    ground: Ground | None = None
    fallback: Fallback | None = None

    @property
    def open_ended(self) -> bool:
        """Whether its leaves are whatever the other side answers: a webhook or a remote tool that declares none."""
        return self.kind in (WEBHOOK, MCP) and not self.outputs


def parts_of(call: FrozenCall) -> tuple[FrozenCall, ...]:
    """The calls that reach a system when ``call`` runs: itself, or what a recipe composes."""
    return tuple(call.body.parts.values()) if isinstance(call.body, RecipeCall) else (call,)


def statement_of(call: Candidate | FrozenCall) -> SqlCall:
    """The body of a call on a database. Raises TypeError for a call of another form."""
    if not isinstance(call.body, SqlCall):
        raise TypeError("this call is not a statement")
    return call.body


class SealedCall(msgspec.Struct, frozen=True):
    """A frozen call as it is stored: its RFC 8785 bytes and the SHA-256 over them, in hex."""

    document: bytes
    digest: str


class CallContext(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a call brings along.

    ``arguments`` come from the model, ``session`` from the channel (``caller_number``, ``caller_name``, ``visitor``…),
    ``verified`` from caller verification: the model can write only the first. ``time_zone`` (IANA) is the agent's.
    ``idempotency_key`` names this one write: sent where the other side takes a key, and the same however often it is asked.
    ``at`` (seconds since the epoch) is the moment the call takes for now; None is when it runs. ``knowledge`` is what the agent
    answers from: sources by id, each with the index its version is pinned to, or None where it follows the source.
    """

    arguments: dict[str, Any]
    session: dict[str, Any] = {}
    verified: dict[str, Any] = {}
    time_zone: str = "UTC"
    conversation_id: str | None = None
    idempotency_key: str | None = None
    at: float | None = None
    knowledge: Mapping[str, str | None] = {}

    def now(self, zone: ZoneInfo) -> datetime:
        """What the call takes for now, in ``zone``."""
        return datetime.now(zone) if self.at is None else datetime.fromtimestamp(self.at, zone)


class CallResult(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What every call of every kind returns. ``notes`` say what was cut or altered, in sentences.

    ``truncated``: more rows or bytes were there than the caps allow. ``ambiguous``: an identifying filter met several rows.
    ``outcome`` is ``done`` for a write that took effect; a write that was refused, or of which it is not known whether it took
    effect, raises instead. Its rows are what the binding projects of the written record.
    """

    rows: list[dict[str, Any]]
    row_count: int
    truncated: bool = False
    ambiguous: bool = False
    notes: tuple[str, ...] = ()
    duration_ms: float = 0.0
    outcome: Literal["done"] | None = None

"""What a statement refers to, read from its own text: the second half of the proof that it touches only what it may.

The server says where an output column comes from (of a view, MariaDB does not); a predicate or a sort term it does not explain.
So the statement is parsed once more, independently of whoever composed it, and every construct outside a small vocabulary is
refused. A subquery may stand where a value stands, never where a table does. No two tables of a statement share an alias, so that
a column's qualifier says which table it is of, however deep it stands.
"""

from __future__ import annotations

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_VOCABULARY = (
    exp.Select, exp.From, exp.Join, exp.Table, exp.TableAlias, exp.Alias, exp.Identifier, exp.Column, exp.Where, exp.Order,
    exp.Ordered, exp.Limit, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is,
    exp.Null, exp.In, exp.Any, exp.Parameter, exp.Literal, exp.Boolean, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Neg,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Tuple, exp.Placeholder, exp.Coalesce, exp.Collate, exp.Var, exp.Subquery, exp.Array,
    exp.Offset, exp.Concat, exp.Count, exp.GroupConcat, exp.Hex,
)  # fmt: skip


class Reference(msgspec.Struct, frozen=True):
    """A column a statement refers to anywhere. ``schema`` None means the one names are looked up in."""

    schema: str | None
    table: str
    column: str


class NotReadable(Exception):
    """The statement holds something whose reach cannot be told: a function, a subquery, a star, an unqualified name."""


class Read(msgspec.Struct, frozen=True):
    """What a statement refers to: in each output (None for what is neither a plain column nor a list of one), and anywhere in it.
    ``listed`` says of each output whether it is a subquery's.
    """

    outputs: tuple[Reference | None, ...]
    listed: tuple[bool, ...]
    references: frozenset[Reference]


def references(sql: str, dialect: str = "postgres") -> frozenset[Reference]:
    """Every column ``sql`` refers to: outputs, joins, predicates, order. Raises :class:`NotReadable`."""
    return read_statement(sql, dialect).references


def read_statement(sql: str, dialect: str) -> Read:
    """``sql`` taken apart. Raises :class:`NotReadable`."""
    try:
        statements = sqlglot.parse(sql, read=dialect)
    except (SqlglotError, RecursionError):
        raise NotReadable from None
    # MySQL runs what stands in some comments.
    if len(statements) != 1 or not isinstance(statements[0], exp.Select) or _has_comment(sql, dialect):
        raise NotReadable
    tree = statements[0]
    sources: dict[str, exp.Table] = {}
    for node in tree.walk():
        if not isinstance(node, _VOCABULARY) or (isinstance(node, exp.Select) and not _is_known(node, tree)):
            raise NotReadable
        # A bare word names a collation or a character set, and not, behind an @, a variable.
        if isinstance(node, exp.Var) and not isinstance(node.parent, (exp.Collate, exp.DataType)):
            raise NotReadable
        if isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier) or node.catalog or node.alias_or_name in sources:
                raise NotReadable
            sources[node.alias_or_name] = node
    inner = [selected.this if isinstance(selected, exp.Alias) else selected for selected in tree.expressions]
    return Read(
        tuple([_output(one, sources) for one in inner]),
        tuple([isinstance(one, (exp.Array, exp.Subquery)) for one in inner]),
        frozenset(_reference(column, sources) for column in tree.find_all(exp.Column)),
    )


def _is_known(select: exp.Select, tree: exp.Expr) -> bool:
    """Whether a SELECT is the statement, or a subquery in a value's place."""
    if select is tree:
        return True
    if isinstance(select.parent, exp.Array):
        return True
    return isinstance(select.parent, exp.Subquery) and not isinstance(select.parent.parent, (exp.From, exp.Join))


def _has_comment(sql: str, dialect: str) -> bool:
    return any(token.comments for token in sqlglot.tokenize(sql, read=dialect))


def _output(selected: exp.Expr, sources: dict[str, exp.Table]) -> Reference | None:
    """The column an output is, or that a list is of: the only one a subquery selects, or the only one whose text it writes."""
    if isinstance(selected, exp.Column):
        return _reference(selected, sources)
    listing = selected.expressions[0] if isinstance(selected, exp.Array) and len(selected.expressions) == 1 else None
    if isinstance(selected, exp.Subquery):
        listing = selected.this
    if not isinstance(listing, exp.Select) or len(listing.expressions) != 1:
        return None
    (shown,) = listing.expressions
    if isinstance(shown, exp.Concat):
        return _written_out(shown, sources)
    return _reference(shown, sources) if isinstance(shown, exp.Column) else None


def _written_out(text: exp.Concat, sources: dict[str, exp.Table]) -> Reference | None:
    """The column a grouped list writes. Its other columns are counted, or sort, and none of their values shows."""
    written = list(text.find_all(exp.Hex))
    shown = [column for one in written for column in one.find_all(exp.Column)]
    harmless = {id(column) for one in text.find_all(exp.Count, exp.Ordered) for column in one.find_all(exp.Column)}
    others = [column for column in text.find_all(exp.Column) if id(column) not in harmless]
    if len(written) != 1 or len(shown) != 1 or others != shown:
        return None
    return _reference(shown[0], sources)


def _reference(column: exp.Column, sources: dict[str, exp.Table]) -> Reference:
    source = sources.get(column.table)
    if source is None or column.db or not isinstance(column.this, exp.Identifier):
        raise NotReadable
    return Reference(source.db or None, source.name, column.name)

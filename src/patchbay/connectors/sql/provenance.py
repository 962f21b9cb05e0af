"""What a statement refers to, read from its own text: the second half of the proof that it touches only what it may.

The server says where an output column comes from (of a view, MariaDB does not); a predicate or a sort term it does not explain.
So the statement is parsed once more, independently of whoever composed it, and every construct outside a small vocabulary is
refused. A subquery may stand where a value stands, never where a table does. No two tables of a statement share an alias, so that
a column's qualifier says which table it is of, however deep it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_VOCABULARY = (
    exp.Select, exp.From, exp.Join, exp.Table, exp.TableAlias, exp.Alias, exp.Identifier, exp.Column, exp.Where, exp.Order,
    exp.Ordered, exp.Limit, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is,
    exp.Null, exp.In, exp.Any, exp.Parameter, exp.Literal, exp.Boolean, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Neg,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Tuple, exp.Placeholder, exp.Coalesce, exp.Collate, exp.Var,
)  # fmt: skip
_READING = (*_VOCABULARY, exp.Subquery, exp.Array, exp.Offset, exp.Concat, exp.Count, exp.GroupConcat, exp.Hex)
_WRITING = (*_VOCABULARY, exp.Insert, exp.Update, exp.Schema, exp.Values, exp.Returning)


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


class Written(msgspec.Struct, frozen=True):
    """What a write refers to: ``assigned`` are the columns it sets; the rest as of :class:`Read`, the assigned among it."""

    outputs: tuple[Reference | None, ...]
    references: frozenset[Reference]
    assigned: tuple[Reference, ...]

    @property
    def listed(self) -> tuple[bool, ...]:
        """As of :class:`Read`: no output of a write is a subquery's."""
        return (False,) * len(self.outputs)


def references(sql: str, dialect: str = "postgres") -> frozenset[Reference]:
    """Every column ``sql`` refers to: outputs, joins, predicates, order. Raises :class:`NotReadable`."""
    return read_statement(sql, dialect).references


def read_statement(sql: str, dialect: str) -> Read:
    """``sql`` taken apart. Raises :class:`NotReadable`."""
    tree = _only_statement(sql, dialect)
    if not isinstance(tree, exp.Select):
        raise NotReadable
    sources = _sources(tree, _READING)
    inner = _unnamed(tree.expressions)
    return Read(
        tuple([_output(one, sources) for one in inner]),
        tuple([isinstance(one, (exp.Array, exp.Subquery)) for one in inner]),
        frozenset(_reference(column, sources) for column in tree.find_all(exp.Column)),
    )


def read_write(sql: str, dialect: str) -> Written:
    """An INSERT of one row of placeholders, or an UPDATE of one table, taken apart. Raises :class:`NotReadable`."""
    tree = _only_statement(sql, dialect)
    if not isinstance(tree, (exp.Insert, exp.Update)) or set(_given(tree)) - _WRITE_PARTS[type(tree)]:
        raise NotReadable
    sources = _sources(tree, _WRITING)
    target = next(iter(sources.values())) if len(sources) == 1 else None
    if target is None:
        raise NotReadable
    names, set_columns = _targets(tree)
    assigned = tuple([Reference(target.db or None, target.name, name) for name in names])
    returning = tree.args.get("returning")
    outputs = tuple([_output(one, sources) for one in _unnamed(returning.expressions)]) if returning is not None else ()
    read = [column for column in tree.find_all(exp.Column) if not any(column is one for one in set_columns)]
    return Written(outputs, frozenset([*assigned, *(_reference(column, sources) for column in read)]), assigned)


_WRITE_PARTS = {
    exp.Insert: frozenset({"this", "expression", "returning"}),
    exp.Update: frozenset({"this", "expressions", "where", "returning"}),
}


def _given(tree: exp.Expr) -> list[str]:
    return [name for name, value in tree.args.items() if value]


def _targets(tree: exp.Insert | exp.Update) -> tuple[list[str], list[exp.Column]]:
    """The names of the columns that are set, and where an UPDATE says so."""
    if isinstance(tree, exp.Insert):
        schema, values = tree.this, tree.args.get("expression")
        if not isinstance(schema, exp.Schema) or not isinstance(values, exp.Values) or len(values.expressions) != 1:
            raise NotReadable
        (row,) = values.expressions
        if not isinstance(row, exp.Tuple) or len(row.expressions) != len(schema.expressions) or not schema.expressions:
            raise NotReadable
        if any(row.find_all(exp.Column)) or not all(isinstance(one, exp.Identifier) for one in schema.expressions):
            raise NotReadable
        return [one.name for one in schema.expressions], []
    columns: list[exp.Column] = []
    for one in tree.expressions:
        if not isinstance(one, exp.EQ) or not isinstance(one.this, exp.Column):
            raise NotReadable
        columns.append(one.this)
    table = tree.this
    if tree.args.get("where") is None or any(c.table not in ("", table.alias_or_name) or c.db for c in columns):
        raise NotReadable
    return [column.name for column in columns], columns


def _unnamed(selected: Sequence[exp.Expr]) -> list[exp.Expr]:
    """What is selected or returned, without the names it is given there."""
    return [one.this if isinstance(one, exp.Alias) else one for one in selected]


def _only_statement(sql: str, dialect: str) -> exp.Expr:
    try:
        statements = sqlglot.parse(sql, read=dialect)
    except (SqlglotError, RecursionError):
        raise NotReadable from None
    # MySQL runs what stands in some comments.
    if len(statements) != 1 or statements[0] is None or _has_comment(sql, dialect):
        raise NotReadable
    return statements[0]


def _sources(tree: exp.Expr, vocabulary: tuple[type[exp.Expr], ...]) -> dict[str, exp.Table]:
    """The tables by what they are called, once every part of the statement is known to be of the vocabulary."""
    sources: dict[str, exp.Table] = {}
    for node in tree.walk():
        nested = isinstance(node, (exp.Select, exp.Insert, exp.Update)) and node is not tree
        if not isinstance(node, vocabulary) or (nested and not _in_a_values_place(node, tree)):
            raise NotReadable
        # A bare word names a collation or a character set, and not, behind an @, a variable.
        if isinstance(node, exp.Var) and not isinstance(node.parent, (exp.Collate, exp.DataType)):
            raise NotReadable
        if isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier) or node.catalog or node.alias_or_name in sources:
                raise NotReadable
            sources[node.alias_or_name] = node
    return sources


def _in_a_values_place(node: exp.Expr, tree: exp.Expr) -> bool:
    """Whether a SELECT inside a read stands where a value may."""
    if not isinstance(node, exp.Select) or not isinstance(tree, exp.Select):
        return False
    if isinstance(node.parent, exp.Array):
        return True
    return isinstance(node.parent, exp.Subquery) and not isinstance(node.parent.parent, (exp.From, exp.Join))


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

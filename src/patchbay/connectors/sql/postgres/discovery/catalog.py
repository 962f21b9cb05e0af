"""Reading the catalogue in one short read-only snapshot, its queries pipelined in two rounds.

Everything is read as the connected role: relations of extensions and of the system are left out, its privileges come along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol

import psycopg

from patchbay.connectors.sql.postgres.discovery import queries as ask
from patchbay.connectors.sql.postgres.discovery.answers import Query, answers
from patchbay.connectors.sql.postgres.discovery.rows import (
    Catalog,
    Columns,
    NamedRelation,
    Relation,
    Rows,
    TypeRow,
    type_of,
)

_Alike = dict[tuple[int, str | None], list[int]]
_ASKED_OF_ALIKE = 3


class Meanwhile(Protocol):
    """Is given what has come while the server still gathers the rest."""

    def relations(self, default_schema: str, rows: Sequence[NamedRelation], /) -> None:
        """Take the relations, first of all."""
        ...

    def indexes(self, rows: Rows, methods: Mapping[int, str], /) -> None:
        """Take the indexes and the names of their methods."""
        ...

    def keys(self, rows: Rows, /) -> None:
        """Take the foreign keys."""
        ...

    def columns(self, columns: Columns, relations: Iterable[int], /) -> None:
        """Take the relations whose columns have come since; again, if it turned out that more of some had to come."""
        ...


def read_catalog(connection: psycopg.Connection[Any], meanwhile: Meanwhile | None = None) -> Catalog:
    """Read the catalogue; ``meanwhile`` makes use of the time that the server takes to gather the columns.

    Raises psycopg.Error; the connection must be in autocommit mode.
    """
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        connection.execute("SET LOCAL jit = off")  # compiling a query over few types took longer than all the others together
        catalog = _read(connection, meanwhile or _Nothing())
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    return catalog


class _Nothing:
    """Leaves it all for later."""

    def relations(self, *_: object) -> None: ...
    def indexes(self, *_: object) -> None: ...
    def keys(self, *_: object) -> None: ...
    def columns(self, *_: object) -> None: ...


def _read(connection: psycopg.Connection[Any], meanwhile: Meanwhile) -> Catalog:
    foreign_keys = ask.FOREIGN_KEYS + (ask.NOT_OVER_PERIODS if connection.info.server_version >= 180000 else "")
    columns = Columns(meanwhile.columns)
    relations: list[tuple[Any, ...]] = []
    indexes: list[tuple[Any, ...]] = []
    keys: list[tuple[Any, ...]] = []
    queries = [
        Query(ask.DEFAULT_SCHEMA), Query(ask.SCHEMAS), Query(ask.METHODS), Query(ask.EXTENSION_MEMBERS), Query(ask.INHERITANCE),
        Query(ask.WRITE_RULES), Query(ask.RELATIONS, relations.extend), Query(ask.INDEXES, indexes.extend),
        Query(foreign_keys, keys.extend), Query(ask.COMMENTS), Query(ask.COLUMNS, columns.add),
    ]  # fmt: skip
    with closing(answers(connection, queries)) as answer:
        ((default_schema,),) = next(answer)
        usable = {oid: (name, usage) for oid, name, usage in next(answer)}
        methods, members, inheritance, write_rules, _ = (next(answer) for _ in range(5))
        index_methods = dict(methods)
        theirs = frozenset(row[0] for row in members)
        own = [row for row in relations if row[1] in usable and row[0] not in theirs]
        meanwhile.relations(default_schema, [(row[0], usable[row[1]][0], row[2], row[4]) for row in own])
        alike = _alike(own)
        next(answer)
        meanwhile.indexes(indexes, index_methods)
        next(answer)
        meanwhile.keys(keys)
        comments = _by_column(next(answer))
        next(answer)
        columns.settle()
    second = _pipelined(connection, _second_round(columns, alike, views=any(row[3] in "vm" for row in own)))
    return Catalog(
        default_schema=default_schema,
        relations=_relations(own, alike, usable, dict(second[ask.PRIVILEGES]), comments),
        columns=columns,
        comments=comments,
        foreign_keys=keys,
        indexes=indexes,
        index_methods=index_methods,
        inheritance=inheritance,
        views=second.get(ask.VIEWS, ()),
        view_dependencies=second.get(ask.VIEW_DEPENDENCIES, ()),
        write_rules=frozenset(row[0] for row in write_rules),
        generated=second.get(ask.GENERATED_COLUMNS, ()),
        telling=frozenset(row[0] for query in (ask.TELLING_FUNCTIONS, ask.TELLING_OPERATORS) for row in second.get(query, ())),
        types={row[0]: TypeRow(*row) for row in second[ask.TYPES]},
        type_names={(oid, modifier): name for oid, modifier, name in second[ask.TYPE_NAMES]},
    )


def _by_column(comments: Rows) -> dict[int, dict[int, str]]:
    """The comments of each relation by column number; its own is under 0."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for oid, number, text in comments:
        found[oid][number] = text
    return found


def _second_round(columns: Columns, alike: _Alike, *, views: bool) -> dict[str, Sequence[Any]]:
    """The queries, with their parameters, that only the first round tells how to ask, or whether to ask at all."""
    types = [type_of(packed) for packed in columns.types()]
    generated = columns.generated()
    oids = [oid for oid, _ in types]
    asked: dict[str, Sequence[Any]] = {
        ask.PRIVILEGES: ([oid for some in alike.values() for oid in some[:_ASKED_OF_ALIKE]],),
        ask.TYPES: (sorted(set(oids)),),
        ask.TYPE_NAMES: (oids, [modifier for _, modifier in types]),
    }
    if generated:
        asked[ask.GENERATED_COLUMNS] = (generated,)
    if views:
        asked |= {ask.VIEWS: (), ask.VIEW_DEPENDENCIES: ()}
    if generated or views:
        asked |= {ask.TELLING_FUNCTIONS: (), ask.TELLING_OPERATORS: ()}
    return asked


def _alike(relations: Rows) -> _Alike:
    """The relations of each owner and list of grants: what a role may do with one of them it may do with all."""
    alike: _Alike = defaultdict(list)
    for oid, _, _, _, _, _, owner, grants in relations:
        alike[owner, grants].append(oid)
    return alike


def _relations(
    rows: Rows,
    alike: _Alike,
    schemas: Mapping[int, tuple[str, bool]],
    asked: Mapping[int, int],
    comments: Mapping[int, Mapping[int, str]],
) -> dict[int, Relation]:
    """The relations. ``asked`` holds what the role may do with those that were asked about."""
    privileges = {key: next((asked[oid] for oid in oids if oid in asked), 0) for key, oids in alike.items()}
    found: dict[int, Relation] = {}
    for oid, schema, name, kind, is_partition, estimate, owner, grants in rows:
        spelled, usage = schemas[schema]
        own, said = privileges[owner, grants], comments.get(oid)
        found[oid] = Relation(oid, spelled, name, kind, is_partition, estimate, usage, own, said.get(0) if said else None)
    return found


def _pipelined(connection: psycopg.Connection[Any], queries: Mapping[str, Sequence[Any]]) -> dict[str, Rows]:
    """The rows of each query, sent together with their parameters."""
    with connection.pipeline():
        cursors = {query: connection.cursor() for query in queries}
        for query, parameters in queries.items():
            cursors[query].execute(query.encode(), parameters or None)
    return {query: cursor.fetchall() for query, cursor in cursors.items()}

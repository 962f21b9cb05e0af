"""Reading the catalogue in one short read-only snapshot, its queries pipelined in two rounds.

Everything is read as the connected role: relations of extensions and of the system are left out, its privileges come along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from patchbay.connectors.sql.postgres.discovery import queries as ask
from patchbay.connectors.sql.postgres.discovery.rows import (
    GENERATED,
    RELATION_SHIFT,
    Catalog,
    ColumnRow,
    Relation,
    Rows,
    TypeRow,
    type_of,
)

_Alike = dict[tuple[int, str | None], list[int]]
_ASKED_OF_ALIKE = 3


def read_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Read the catalogue. Raises psycopg.Error; the connection must be in autocommit mode."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        catalog = _read(connection)
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    return catalog


def _read(connection: psycopg.Connection[Any]) -> Catalog:
    foreign_keys = ask.FOREIGN_KEYS + (ask.NOT_OVER_PERIODS if connection.info.server_version >= 180000 else "")
    queries = [
        ask.COLUMNS, ask.RELATIONS, ask.INDEXES, foreign_keys, ask.COMMENTS, ask.DEFAULT_SCHEMA, ask.SCHEMAS, ask.METHODS,
        ask.EXTENSION_MEMBERS, ask.INHERITANCE, ask.WRITE_RULES,
    ]  # fmt: skip
    first = _pipelined(connection, [(query, ()) for query in queries])
    columns, relations, indexes, keys, comments, ((default_schema,),), schemas, methods, members, inheritance, write_rules = first
    of_columns: dict[int, dict[int, str]] = defaultdict(dict)
    for oid, number, text in comments:
        of_columns[oid][number] = text
    theirs = frozenset(row[0] for row in members)
    usable = {oid: (name, usage) for oid, name, usage in schemas}
    own = [row for row in relations if row[1] in usable and row[0] not in theirs]
    second = _second_round(connection, columns, own)
    return Catalog(
        default_schema=default_schema,
        relations=_relations(own, usable, dict(second[ask.PRIVILEGES]), of_columns),
        columns=columns,
        comments=of_columns,
        foreign_keys=keys,
        indexes=indexes,
        index_methods=dict(methods),
        inheritance=inheritance,
        views=second.get(ask.VIEWS, ()),
        view_dependencies=second.get(ask.VIEW_DEPENDENCIES, ()),
        write_rules=frozenset(row[0] for row in write_rules),
        generated=second.get(ask.GENERATED_COLUMNS, ()),
        telling=frozenset(row[0] for query in (ask.TELLING_FUNCTIONS, ask.TELLING_OPERATORS) for row in second.get(query, ())),
        types={row[0]: TypeRow(*row) for row in second[ask.TYPES]},
        type_names={(oid, modifier): name for oid, modifier, name in second[ask.TYPE_NAMES]},
    )


def _second_round(connection: psycopg.Connection[Any], columns: Sequence[ColumnRow], relations: Rows) -> dict[str, Rows]:
    """The answers, by query, to what only the first round tells how to ask, or whether to ask at all."""
    types = [type_of(packed) for packed in {row[2] for row in columns}]
    oids = [oid for oid, _ in types]
    asked: dict[str, Sequence[Any]] = {
        ask.PRIVILEGES: ([oid for some in _alike(relations).values() for oid in some[:_ASKED_OF_ALIKE]],),
        ask.TYPES: (sorted(set(oids)),),
        ask.TYPE_NAMES: (oids, [modifier for _, modifier in types]),
    }
    generated = {row[0] >> RELATION_SHIFT for row in columns if row[0] & GENERATED}
    views = any(row[3] in "vm" for row in relations)
    if generated:
        asked[ask.GENERATED_COLUMNS] = (sorted(generated),)
    if views:
        asked |= {ask.VIEWS: (), ask.VIEW_DEPENDENCIES: ()}
    if generated or views:
        asked |= {ask.TELLING_FUNCTIONS: (), ask.TELLING_OPERATORS: ()}
    return dict(zip(asked, _pipelined(connection, list(asked.items())), strict=True))


def _alike(relations: Rows) -> _Alike:
    """The relations of each owner and list of grants: what a role may do with one of them it may do with all."""
    alike: _Alike = defaultdict(list)
    for oid, _, _, _, _, _, owner, grants in relations:
        alike[owner, grants].append(oid)
    return alike


def _relations(
    rows: Rows, schemas: Mapping[int, tuple[str, bool]], asked: Mapping[int, int], comments: Mapping[int, Mapping[int, str]]
) -> dict[int, Relation]:
    """The relations. ``asked`` holds what the role may do with those that were asked about."""
    privileges = {key: next((asked[oid] for oid in oids if oid in asked), 0) for key, oids in _alike(rows).items()}
    found: dict[int, Relation] = {}
    for oid, schema, name, kind, is_partition, estimate, owner, grants in rows:
        spelled, usage = schemas[schema]
        own, said = privileges[owner, grants], comments.get(oid)
        found[oid] = Relation(oid, spelled, name, kind, is_partition, estimate, usage, own, said.get(0) if said else None)
    return found


def _pipelined(connection: psycopg.Connection[Any], queries: Sequence[tuple[str, Sequence[Any]]]) -> list[Rows]:
    """The rows of each query, sent together and answered in order."""
    with connection.pipeline():
        cursors = [connection.cursor() for _ in queries]
        for cursor, (query, parameters) in zip(cursors, queries, strict=True):
            cursor.execute(query.encode(), parameters or None)
    return [cursor.fetchall() for cursor in cursors]

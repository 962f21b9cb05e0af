"""Queries sent together, their answers handed on one by one: each is read while the server already works on the next.

psycopg's own pipeline hands out the first answer when the last has come. This is the same on libpq's level, for queries
without parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

_IN_PARTS_SINCE = 170000
_ROWS_IN_A_PART = 2048


class Query(NamedTuple):
    """``take`` is given the rows in parts while more are coming, and the answer is empty then. Their form is binary: cheaper for
    numbers, but not every type can be read from it.
    """

    sql: str
    take: Callable[[list[tuple[Any, ...]]], None] | None = None


def answers(connection: psycopg.Connection[Any], queries: Sequence[Query]) -> Generator[list[tuple[Any, ...]]]:
    """The rows of each query, in order. Raises psycopg.Error; the connection can be used again once this is exhausted or closed.

    Waits for the server without letting other threads use the connection: it must be the caller's own.
    """
    server = connection.pgconn
    transformer = Transformer(connection)
    server.enter_pipeline_mode()
    try:
        for query in queries:
            server.send_query_params(query.sql.encode(), None, result_format=pq.Format.BINARY if query.take else pq.Format.TEXT)
        server.pipeline_sync()
        for query in queries:
            if query.take is not None and pq.version() >= _IN_PARTS_SINCE:
                server.set_chunked_rows_mode(_ROWS_IN_A_PART)
            result = server.get_result()
            while result is not None and result.status == pq.ExecStatus.TUPLES_CHUNK:
                transformer.set_pgresult(result)
                if query.take is not None:
                    query.take(transformer.load_rows(0, result.ntuples, tuple))
                result = server.get_result()
            if result is None or result.status != pq.ExecStatus.TUPLES_OK:
                raise _error(result)
            server.get_result()  # the end of this query's results
            transformer.set_pgresult(result)
            rows = transformer.load_rows(0, result.ntuples, tuple)
            if query.take is None:
                yield rows
            else:
                query.take(rows)
                yield []
    finally:
        _leave(server)


def _error(result: pq.abc.PGresult | None) -> psycopg.Error:
    state = result.error_field(pq.DiagnosticField.SQLSTATE) if result is not None else None
    if result is None or state is None:
        return psycopg.OperationalError("the connection was lost")
    return psycopg.errors.lookup(state.decode())(result.get_error_message())


def _leave(server: pq.abc.PGconn) -> None:
    """Read on to the end of the pipeline, whatever is left of it."""
    ends = 0
    while server.status == pq.ConnStatus.OK and ends < 2:  # two in a row: nothing was sent
        result = server.get_result()
        if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
            break
        ends = 0 if result is not None else ends + 1
    if server.status == pq.ConnStatus.OK:
        server.exit_pipeline_mode()

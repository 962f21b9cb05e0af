"""Queries sent together, their answers handed on one by one: each is read while the server already works on the next.

psycopg's own pipeline hands out the first answer when the last has come. This is the same on libpq's level, for queries
without parameters.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer


class Query(NamedTuple):
    """``binary`` asks for the binary form of the result: cheaper for numbers, but not every type can be read from it."""

    sql: str
    binary: bool = False


def answers(connection: psycopg.Connection[Any], queries: Sequence[Query]) -> Generator[list[tuple[Any, ...]]]:
    """The rows of each query, in order. Raises psycopg.Error; the connection can be used again once this is exhausted or closed.

    Waits for the server without letting other threads use the connection: it must be the caller's own.
    """
    server = connection.pgconn
    transformer = Transformer(connection)
    server.enter_pipeline_mode()
    try:
        for query in queries:
            server.send_query_params(query.sql.encode(), None, result_format=pq.Format.BINARY if query.binary else pq.Format.TEXT)
        server.pipeline_sync()
        for _ in queries:
            result = server.get_result()
            if result is None or result.status != pq.ExecStatus.TUPLES_OK:
                raise _error(result)
            server.get_result()  # the end of this query's results
            transformer.set_pgresult(result)
            yield transformer.load_rows(0, result.ntuples, tuple)
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

"""What can go wrong in a session while it runs a statement, whichever database it is to."""

from __future__ import annotations


class BackendLost(Exception):
    """The session broke: the server went away, or the network did. ``rows_seen`` tells whether an answer had begun."""

    def __init__(self, *, rows_seen: bool) -> None:
        super().__init__("the session was lost")
        self.rows_seen = rows_seen


class StatementFailed(Exception):
    """The server refused the statement. Only its code is kept: a SQLSTATE of PostgreSQL, an error number of MySQL as text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DeadlinePassed(Exception):
    """The answer did not come in time; the statement is being cancelled and the session is given up."""

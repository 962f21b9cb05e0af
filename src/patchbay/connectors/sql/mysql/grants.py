"""What SHOW GRANTS says, read strictly: a line that is not understood is reported as such and never taken for harmless.

Grammar: https://mariadb.com/kb/en/show-grants/ and https://dev.mysql.com/doc/refman/8.4/en/show-grants.html. Both servers print
names in back-quotes (MySQL 5.7 accounts in quotes), so a word outside of quotes is always the server's own.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Literal

import msgspec

from patchbay.connectors.sql.mysql.quoting import identifier

ALL = "ALL PRIVILEGES"
GRANT_OPTION = "GRANT OPTION"

Level = Literal["server", "database", "table", "routine", "proxy"]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Privileges on one target. ``database`` is a pattern on the level of databases, else a name.

    ``target`` and ``grantee`` are as SQL, to be used in a REVOKE; ``through`` is the role (as SQL) it comes by. ``revoked``:
    taken back from what is granted on the server (MySQL's partial revokes).
    """

    privileges: frozenset[str]
    level: Level
    database: str = ""
    object: str = ""
    target: str = ""
    grantee: str = ""
    through: str | None = None
    revoked: bool = False

    def covers(self, privilege: str, database: str, table: str) -> bool:
        """Whether this grants (or takes back) ``privilege`` on a table."""
        if privilege not in self.privileges and ALL not in self.privileges:
            return False
        if self.level == "database":
            return matches(self.database, database)
        if self.level == "table":
            return self.database.lower() == database.lower() and self.object.lower() == table.lower()
        return self.level == "server"


class Membership(msgspec.Struct, frozen=True):
    """The roles (as SQL) that somebody belongs to."""

    roles: tuple[str, ...]


class Unread(msgspec.Struct, frozen=True):
    """A line that was not understood. Its text is for nobody: it may hold a password's hash."""


@functools.lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    escaped = False
    for character in pattern:
        if escaped:
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def matches(pattern: str, database: str) -> bool:
    """Whether a database is one that a GRANT's pattern stands for; letter case never tells two apart, to be safe."""
    return _pattern(pattern).fullmatch(database) is not None


_TOKEN = re.compile(
    r"\s*(?:(?P<name>`(?:[^`]|``)*`)|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?P<word>[A-Za-z_0-9$]+)|(?P<mark>[,()@.*]))"
)
_Token = tuple[str, str]


def read_grant(line: str, *, through: str | None = None) -> Grant | Membership | Unread | None:
    """One line of SHOW GRANTS; None for one that grants nothing (a default role)."""
    try:
        return _Reader(_tokens(line), through).statement()
    except (ValueError, IndexError):
        return Unread()


def _tokens(line: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    end = len(line.rstrip())
    while position < end:
        match = _TOKEN.match(line, position)
        if match is None or match.lastgroup is None:
            raise ValueError
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Reader:
    """Reads one statement from its tokens; raises ValueError or IndexError for anything unexpected."""

    def __init__(self, tokens: list[_Token], through: str | None) -> None:
        self._tokens, self._at, self._through = tokens, 0, through

    def statement(self) -> Grant | Membership | None:
        verb = self._word()
        if verb == "SET":
            self._expect("DEFAULT")
            self._expect("ROLE")
            return None
        if verb not in ("GRANT", "REVOKE"):
            raise ValueError
        if not any(token == ("word", "ON") for token in self._tokens):
            return self._membership()
        privileges = self._privileges()
        if privileges == {"PROXY"}:
            grant = Grant(privileges=frozenset(privileges), level="proxy", target=self._account(), through=self._through)
        else:
            grant = self._target(privileges, revoked=verb == "REVOKE")
        self._expect("FROM" if verb == "REVOKE" else "TO")
        grantee = self._account()
        if self._options():
            privileges.add(GRANT_OPTION)
        return msgspec.structs.replace(grant, privileges=frozenset(privileges), grantee=grantee)

    def _membership(self) -> Membership:
        roles = [self._account()]
        while self._mark(","):
            roles.append(self._account())
        self._expect("TO")
        self._account()
        return Membership(tuple(roles))

    def _privileges(self) -> set[str]:
        """Up to and with ON: words make up a name, columns stand in brackets."""
        found: set[str] = set()
        words: list[str] = []
        while True:
            if self._mark("("):
                while not self._mark(")"):
                    self._at += 1
                    self._tokens[self._at]
            elif self._mark(","):
                found.add(" ".join(words))
                words = []
            else:
                word = self._word()
                if word == "ON":
                    found.add(" ".join(words))
                    if "" in found:
                        raise ValueError
                    return found
                words.append(word)

    def _target(self, privileges: set[str], *, revoked: bool) -> Grant:
        kind = ""
        while self._tokens[self._at][0] == "word" and self._tokens[self._at][1] in (
            "TABLE",
            "FUNCTION",
            "PROCEDURE",
            "PACKAGE",
            "BODY",
        ):
            kind = f"{kind} {self._word()}".strip()
        database, object_ = self._part(), ""
        if not self._mark("."):
            raise ValueError
        object_ = self._part()
        level: Level = "server" if database is None else "database" if object_ is None else "table"
        if kind not in ("", "TABLE"):
            level = "routine"
        if level == "server" and object_ is not None:
            raise ValueError
        shown = ".".join("*" if part is None else identifier(part) for part in (database, object_))
        return Grant(
            privileges=frozenset(privileges),
            level=level,
            database=database or "",
            object=object_ or "",
            target=f"{kind} {shown}".strip(),
            through=self._through,
            revoked=revoked,
        )

    def _part(self) -> str | None:
        if self._mark("*"):
            return None
        group, text = self._next()
        if group != "name":
            raise ValueError
        return text[1:-1].replace("``", "`")

    def _account(self) -> str:
        """A user or role as SQL."""
        group, text = self._next()
        if group == "mark":
            raise ValueError
        if self._mark("@"):
            host_group, host = self._next()
            if host_group == "mark":
                raise ValueError
            return f"{text}@{host}"
        return text

    def _options(self) -> bool:
        """Whether it may be handed on. What else follows (TLS, limits, the way to log in) grants nothing."""
        rest = [text for group, text in self._tokens[self._at :] if group == "word"]
        return any(pair == ("GRANT", "OPTION") for pair in itertools.pairwise(rest))

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _word(self) -> str:
        group, text = self._next()
        if group != "word":
            raise ValueError
        return text.upper()

    def _expect(self, word: str) -> None:
        if self._word() != word:
            raise ValueError

    def _mark(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("mark", mark):
            self._at += 1
            return True
        return False

"""The set-up scripts: what they may be made for, and what they do on a real server, hostile names included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.quoting import account, check_name, identifier, split_name
from patchbay.connectors.sql.mysql.scripts import scripts
from patchbay.connectors.sql.mysql.session import Session, open_session
from patchbay.connectors.sql.names import BadName
from patchbay.connectors.sql.refusals import AuthenticationRefused
from patchbay.connectors.sql.scripts import Script
from patchbay.egress.guard import EgressGuard
from patchbay.errors import ValidationFailed
from tests.servers.mariadb import MariaDbServer, quoted

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
SETUP = """
CREATE TABLE account (id int AUTO_INCREMENT PRIMARY KEY, balance int);
INSERT INTO account (balance) VALUES (100), (100);
CREATE TABLE other (id int);
CREATE VIEW rich AS SELECT * FROM account;
"""
HOSTILE = [
    "appdb_1",
    "100%_sure",
    "back\\slash_%",
    "quo'te\"s",
    "tick`s",
    "semi; DROP DATABASE mysql; -- ",
    "/*!50000 x*/ #",
    "ünïcødé 名前",
    "%s %(a)s {}",
    "new\nline",
]


def changed(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as failed:
        scripts(**{"database": "appdb", **changes})
    return [(finding.field, finding.code) for finding in failed.value.errors]


def test_the_answer_has_the_shape_of_the_guide() -> None:
    answer = scripts("appdb", ["appointments"]).to_json()
    assert set(answer) == {"readOnly", "write", "generatedPassword", "warnings"}
    assert set(answer["readOnly"]) == {"role", "sql", "revoke"}
    assert set(answer["write"]) == {"role", "sql", "revoke", "tables", "generatedPassword"}
    assert answer["write"]["tables"] == ["appointments"]
    assert answer["generatedPassword"] != answer["write"]["generatedPassword"]
    assert scripts("appdb").to_json()["write"] is None
    assert scripts("appdb", password="correct horse").generated_password is None


def test_it_never_grants_more_than_insert_and_update() -> None:
    made = scripts("appdb", ["t"])
    assert made.write is not None
    grants = [line for line in (made.read_only.sql + made.write.sql).splitlines() if line.startswith("GRANT")]
    assert grants == [
        "GRANT SELECT, SHOW VIEW ON `appdb`.* TO `flowyte_ro`@'%';",
        "GRANT SELECT, INSERT, UPDATE ON `appdb`.`t` TO `flowyte_rw`@'%';",
    ]
    assert "REQUIRE SSL" in made.read_only.sql
    assert "REQUIRE SSL" in made.write.sql


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"database": ""}, "database", "name"),
        ({"database": "d" * 65}, "database", "name"),
        ({"database": "d\x00"}, "database", "name"),
        ({"database": "\ud800"}, "database", "name"),
        ({"database": "😀"}, "database", "name"),
        ({"database": "d "}, "database", "name"),
        ({"database": "MySQL"}, "database", "reserved"),
        ({"read_role": "r" * 33}, "role", "name"),
        ({"read_role": "root"}, "role", "reserved"),
        ({"read_role": "PUBLIC"}, "role", "reserved"),
        ({"tables": ["t"], "write_role": "mariadb.sys"}, "writeRole", "reserved"),
        ({"tables": ["t"], "write_role": "flowyte_ro"}, "writeRole", "same_role"),
        ({"tables": [""]}, "tables.0", "name"),
        ({"tables": ["t", "a.b.c"]}, "tables.1", "name"),
        ({"tables": ["mysql.user"]}, "tables.0", "system_table"),
        ({"tables": ["elsewhere.t"]}, "tables.0", "other_database"),
        ({"tables": ["t"] * 201}, "tables", "too_many"),
        ({"password": ""}, "password", "length"),
        ({"password": "x" * 1025}, "password", "length"),
        ({"password": "back\\slash"}, "password", "character"),
        ({"password": "pässwörd"}, "password", "character"),
        ({"password": "line\nbreak"}, "password", "character"),
    ],
)
def test_names_that_cannot_be_are_refused(changes: dict[str, Any], field: str, code: str) -> None:
    assert changed(**changes) == [(field, code)]


@given(
    st.text(st.characters(max_codepoint=0xFFFF, exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)
)
def test_a_name_stays_within_its_quotes(name: str) -> None:
    inner = identifier(name)[1:-1]
    assert "`" not in inner.replace("``", "")
    assert inner.replace("``", "`") == name
    if not name.endswith(" "):
        assert check_name(name) == name
        assert split_name('"' + name.replace('"', '""') + '"') == (name,)
    else:
        with pytest.raises(BadName):
            check_name(name)


# -- on the server -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def applied(server: MariaDbServer, script: Script, modes: str = "DEFAULT") -> Iterator[None]:
    """Run as an administrator would, whatever the server's sql_mode; afterwards revoked, and nothing left."""
    server.client(None, f"SET SESSION sql_mode = {modes};\n" + script.sql)
    try:
        yield
    finally:
        server.client(None, script.revoke)
    assert server.execute(None, "SELECT count(*) FROM mysql.global_priv WHERE user = %s", (script.role,)) == [(0,)]
    assert server.execute(None, "SELECT count(*) FROM mysql.db WHERE user = %s", (script.role,)) == [(0,)]
    assert server.execute(None, "SELECT count(*) FROM mysql.tables_priv WHERE user = %s", (script.role,)) == [(0,)]


async def opened(server: MariaDbServer, database: str, user: str, password: str | None) -> Session:
    assert password is not None
    return await open_session(parse_sql_credentials("mysql", server.credentials(database, user, password)), GUARD)


async def refused(session: Session, statement: str) -> None:
    with pytest.raises(pymysql.Error):
        await session.rows(statement)


async def test_the_read_only_account_reads_and_no_more(tls_mariadb: MariaDbServer) -> None:
    database = tls_mariadb.create_database(sql=SETUP)["database"]
    made = scripts(database, read_role="reader_a")
    with applied(tls_mariadb, made.read_only):
        session = await opened(tls_mariadb, database, "reader_a", made.generated_password)
        assert await session.rows("SELECT count(*) FROM account") == [(2,)]
        assert "rich" in (await session.rows("SHOW CREATE VIEW rich"))[0]
        tls_mariadb.execute(database, "CREATE TABLE later (id int)")
        assert await session.rows("SELECT * FROM later") == []
        await session.rows("SET SESSION TRANSACTION READ WRITE")
        for attack in ("DELETE FROM account", "INSERT INTO other VALUES (1)", "TRUNCATE other", "CREATE TABLE mine (id int)"):
            await refused(session, attack)
        await session.close()
        grants = tls_mariadb.execute(None, f"SHOW GRANTS FOR {account('reader_a')}")
        assert "REQUIRE SSL" in grants[0][0]
        assert "MAX_USER_CONNECTIONS 20" in grants[0][0]
        assert "MAX_STATEMENT_TIME 10" in grants[0][0]
    with pytest.raises(AuthenticationRefused):
        await opened(tls_mariadb, database, "reader_a", made.generated_password)


async def test_the_write_account_writes_its_tables_and_no_more(tls_mariadb: MariaDbServer) -> None:
    database = tls_mariadb.create_database(sql=SETUP)["database"]
    made = scripts(database, ["account"], write_role="writer_a")
    assert made.write is not None
    with applied(tls_mariadb, made.write):
        session = await opened(tls_mariadb, database, "writer_a", made.write.generated_password)
        await session.rows("SET SESSION TRANSACTION READ WRITE")
        await session.rows("INSERT INTO account (balance) VALUES (7)")
        await session.rows("UPDATE account SET balance = 8 WHERE id = 3")
        assert await session.rows("SELECT balance FROM account WHERE id = 3") == [(8,)]
        for attack in ("DELETE FROM account", "INSERT INTO other VALUES (1)", "SELECT * FROM other", "DROP TABLE account"):
            await refused(session, attack)
        await session.close()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("modes", ["DEFAULT", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"])
async def test_hostile_names_are_names(tls_mariadb: MariaDbServer, name: str, modes: str) -> None:
    name = name.strip()
    role, password = name[:20].strip(), "it's; -- \" `%` $(x) /* #"
    twin = name.replace("_", "x").replace("%", "x").replace("\\", "")
    for database in dict.fromkeys((name, twin)):
        tls_mariadb.drop_database(database)
        tls_mariadb.execute(None, f"CREATE DATABASE {quoted(database)}")
        tls_mariadb.execute(database, f"CREATE TABLE {quoted(name)} (id int)")
    named = '"' + name.replace('"', '""') + '"'
    made = scripts(name, [named], read_role=role, write_role=f"w{role}", password=password)
    assert made.write is not None
    with applied(tls_mariadb, made.read_only, modes), applied(tls_mariadb, made.write, modes):
        shown = tls_mariadb.execute(None, f"SHOW GRANTS FOR {account(role)}")
        assert len(shown) == 2
        seen = _visible(tls_mariadb, role, password)
        assert name in seen
        assert twin == name or twin not in seen
        seen = _visible(tls_mariadb, f"w{role}", made.write.generated_password or "")
        assert name in seen
        assert twin == name or twin not in seen
    for database in dict.fromkeys((name, twin)):
        tls_mariadb.drop_database(database)


def _visible(server: MariaDbServer, user: str, password: str) -> set[str]:
    """The databases a user sees, which are those it holds a privilege on."""
    connection = pymysql.connect(
        host=server.host, port=server.port, user=user, password=password, charset="utf8mb4", ssl_ca=server.ca_file
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        return {row[0] for row in cursor.fetchall()}


def test_an_account_that_exists_is_not_taken_over(tls_mariadb: MariaDbServer) -> None:
    database = tls_mariadb.create_database(sql=SETUP)["database"]
    user, password = tls_mariadb.create_account("theirs")
    made = scripts(database, read_role=user)
    with pytest.raises(AssertionError, match="CREATE USER"):
        tls_mariadb.client(None, made.read_only.sql)
    assert database not in _visible(tls_mariadb, user, password)

"""SHOW GRANTS of both servers, read strictly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sql.mysql.grants import Grant, Membership, Unread, matches, read_grant
from patchbay.connectors.sql.mysql.privileges import Holdings, Table, find_excess, write_access
from patchbay.connectors.sql.mysql.quoting import grant_pattern, identifier

NOTE = Table("app", "note", "BASE TABLE")


def holding(*lines: str) -> Holdings:
    grants = [read_grant(line) for line in lines]
    return Holdings("'u'@'%'", tuple(grant for grant in grants if isinstance(grant, Grant)), 0)


@pytest.mark.parametrize(
    ("line", "level", "privileges", "target", "grantee"),
    [
        # MariaDB 10.11
        (
            "GRANT USAGE ON *.* TO `ro`@`%` IDENTIFIED BY PASSWORD '*CC39' REQUIRE SSL WITH MAX_USER_CONNECTIONS 20 "
            "MAX_STATEMENT_TIME 10.000000",
            "server",
            {"USAGE"},
            "*.*",
            "`ro`@`%`",
        ),
        (
            "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED VIA ed25519 USING 'x' OR unix_socket",
            "server",
            {"USAGE"},
            "*.*",
            "`u`@`%`",
        ),
        ("GRANT SELECT, SHOW VIEW ON `app\\_1`.* TO `ro`@`%`", "database", {"SELECT", "SHOW VIEW"}, "`app\\_1`.*", "`ro`@`%`"),
        (
            "GRANT SELECT (`id`, `TO``ON,)`), UPDATE (`b`) ON `a``b`.`t.u` TO `u`@`%`",
            "table",
            {"SELECT", "UPDATE"},
            "`a``b`.`t.u`",
            "`u`@`%`",
        ),
        ("GRANT EXECUTE ON PACKAGE BODY `app`.`p` TO `u`@`%`", "routine", {"EXECUTE"}, "PACKAGE BODY `app`.`p`", "`u`@`%`"),
        ("GRANT SELECT ON *.* TO PUBLIC", "server", {"SELECT"}, "*.*", "PUBLIC"),
        (
            "GRANT ALL PRIVILEGES ON *.* TO `admin`@`localhost` WITH GRANT OPTION",
            "server",
            {"ALL PRIVILEGES", "GRANT OPTION"},
            "*.*",
            "`admin`@`localhost`",
        ),
        (
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
            "proxy",
            {"PROXY", "GRANT OPTION"},
            "''@'%'",
            "'root'@'localhost'",
        ),
        # MySQL 5.7 and 8
        ("GRANT SELECT ON `app`.* TO 'ro'@'%'", "database", {"SELECT"}, "`app`.*", "'ro'@'%'"),
        (
            "GRANT BACKUP_ADMIN,SYSTEM_USER ON *.* TO `u`@`%`",
            "server",
            {"BACKUP_ADMIN", "SYSTEM_USER"},
            "*.*",
            "`u`@`%`",
        ),
        ("REVOKE INSERT ON `app`.* FROM `u`@`%`", "database", {"INSERT"}, "`app`.*", "`u`@`%`"),
    ],
)
def test_what_the_servers_print_is_understood(line: str, level: str, privileges: set[str], target: str, grantee: str) -> None:
    grant = read_grant(line)
    assert isinstance(grant, Grant)
    assert (grant.level, grant.privileges, grant.target, grant.grantee) == (level, privileges, target, grantee)
    assert grant.revoked is line.startswith("REVOKE")


def test_roles_and_defaults() -> None:
    assert read_grant("GRANT `rr` TO `u`@`%`") == Membership(("`rr`",))
    assert read_grant("GRANT `a`@`%`,`b`@`localhost` TO `u`@`%` WITH ADMIN OPTION") == Membership(("`a`@`%`", "`b`@`localhost`"))
    assert read_grant("SET DEFAULT ROLE `rr` FOR `u`@`%`") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GRANT",
        "ALLOW SELECT ON *.* TO `u`@`%`",
        "GRANT SELECT ON *.* `u`@`%`",
        "GRANT ON *.* TO `u`@`%`",
        "GRANT SELECT, ON *.* TO `u`@`%`",
        "GRANT SELECT ON `app` TO `u`@`%`",
        "GRANT SELECT ON *.`t` TO `u`@`%`",
        "GRANT SELECT ON app.t TO `u`@`%`",
        "GRANT SELECT ON `app.t TO `u`@`%`",
        "GRANT SELECT (`a` ON `app`.* TO `u`@`%`",
        "GRANT SELECT ON *.* TO `u`@`%` ; GRANT",
        "GRANT SELECT ON PLANET `a`.`b` TO `u`@`%`",
    ],
)
def test_what_is_not_understood_is_never_taken_for_harmless(line: str) -> None:
    assert read_grant(line) == Unread()
    unread = Holdings("'u'@'%'", (), 1)
    assert [(excess.privilege, excess.severity) for excess in find_excess(unread, "read")] == [("UNKNOWN", "severe")]


@given(st.text(max_size=60))
def test_any_text_has_an_answer(line: str) -> None:
    assert isinstance(read_grant(line), Grant | Membership | Unread | None)


names = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=12
)


@given(names, names)
def test_an_escaped_pattern_means_its_own_database_only(database: str, other: str) -> None:
    grant = read_grant(f"GRANT SELECT ON {grant_pattern(database)}.* TO `u`@`%`")
    assert isinstance(grant, Grant)
    assert grant.covers("SELECT", database, "t")
    assert matches(grant.database, other) is (re.fullmatch(re.escape(database), other, re.IGNORECASE) is not None)


@given(names, names)
def test_names_of_any_kind_are_read_back(database: str, table: str) -> None:
    grant = read_grant(f"GRANT INSERT (`a`) ON {identifier(database, table)} TO `u`@`%`")
    assert isinstance(grant, Grant)
    assert (grant.database, grant.object) == (database, table)


@pytest.mark.parametrize(
    ("lines", "may"),
    [
        (("GRANT INSERT ON *.* TO `u`@`%`",), True),
        (("GRANT ALL PRIVILEGES ON `app`.* TO `u`@`%`",), True),
        (("GRANT INSERT ON `a%`.* TO `u`@`%`",), True),
        (("GRANT INSERT ON `a__`.* TO `u`@`%`",), True),
        (("GRANT INSERT ON `a\\_p`.* TO `u`@`%`",), False),
        (("GRANT INSERT ON `APP`.`NOTE` TO `u`@`%`",), True),
        (("GRANT INSERT (`x`) ON `app`.`note` TO `u`@`%`",), True),
        (("GRANT INSERT ON `app`.`other` TO `u`@`%`",), False),
        (("GRANT INSERT ON `other`.* TO `u`@`%`",), False),
        (("GRANT EXECUTE ON FUNCTION `app`.`note` TO `u`@`%`",), False),
        (("GRANT INSERT ON *.* TO `u`@`%`", "REVOKE INSERT ON `app`.* FROM `u`@`%`"), False),
        (
            (
                "GRANT INSERT ON *.* TO `u`@`%`",
                "REVOKE INSERT ON `app`.* FROM `u`@`%`",
                "GRANT INSERT ON `app`.`note` TO `u`@`%`",
            ),
            True,
        ),
    ],
)
def test_what_may_be_written_follows(lines: tuple[str, ...], may: bool) -> None:
    held = holding(*lines)
    assert held.may("INSERT", NOTE) is may
    assert write_access(held, [NOTE]).insert == int(may)


@pytest.mark.parametrize(
    ("line", "purpose", "severity"),
    [
        ("GRANT SELECT, SHOW VIEW ON `app`.* TO `u`@`%`", "read", None),
        ("GRANT SHOW DATABASES ON *.* TO `u`@`%`", "read", None),
        ("GRANT SELECT ON *.* TO `u`@`%`", "read", "warning"),
        ("GRANT PROCESS ON *.* TO `u`@`%`", "read", "warning"),
        ("GRANT SUPER ON *.* TO `u`@`%`", "read", "severe"),
        ("GRANT FILE ON *.* TO `u`@`%`", "write", "severe"),
        ("GRANT ROLE_ADMIN ON *.* TO `u`@`%`", "read", "severe"),
        ("GRANT SOMETHING NEW ON *.* TO `u`@`%`", "read", "severe"),
        ("GRANT DELETE ON *.* TO `u`@`%`", "read", "severe"),
        ("GRANT ALL PRIVILEGES ON `app`.* TO `u`@`%`", "read", "severe"),
        ("GRANT SELECT ON `app`.* TO `u`@`%` WITH GRANT OPTION", "read", "severe"),
        ("GRANT SELECT ON `mysql`.* TO `u`@`%`", "read", "warning"),
        ("GRANT SELECT ON `mysql`.`user` TO `u`@`%`", "read", "warning"),
        ("GRANT SELECT ON `%`.* TO `u`@`%`", "read", "warning"),
        ("GRANT SELECT ON `performance_schema`.* TO `u`@`%`", "read", None),
        ("GRANT UPDATE ON `my%`.* TO `u`@`%`", "write", "severe"),
        ("GRANT INSERT ON `mysql`.`db` TO `u`@`%`", "write", "severe"),
        ("GRANT EXECUTE ON FUNCTION `sys`.`version_major` TO `u`@`%`", "read", "severe"),
        ("GRANT INSERT ON `app`.`t` TO `u`@`%`", "read", "warning"),
        ("GRANT INSERT, UPDATE ON `app`.`t` TO `u`@`%`", "write", None),
        ("GRANT DELETE ON `app`.`t` TO `u`@`%`", "write", "warning"),
        ("GRANT EXECUTE ON PROCEDURE `app`.`p` TO `u`@`%`", "read", "warning"),
        ("GRANT CREATE TEMPORARY TABLES ON `app`.* TO `u`@`%`", "read", "info"),
        ("GRANT PROXY ON `other`@`%` TO `u`@`%`", "read", "severe"),
    ],
)
def test_each_privilege_is_judged_by_the_purpose(line: str, purpose: str, severity: str | None) -> None:
    found = find_excess(holding(line), purpose)  # pyright: ignore[reportArgumentType]
    assert [excess.severity for excess in found] == ([] if severity is None else [severity])

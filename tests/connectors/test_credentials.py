"""SQL credentials: strict, complete in what they complain about, and impossible to read as anything else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from patchbay.connectors.sql.credentials import SqlCredentials, dump_sql_credentials, parse_sql_credentials
from patchbay.connectors.sql.postgres.session import connect_kwargs
from patchbay.egress.guard import CheckedAddress
from patchbay.errors import ValidationFailed
from tests.servers.certificates import Authority

CA = Authority().pem
GOOD: dict[str, Any] = {
    "host": "db.example.com",
    "port": "5432",
    "database": "appdb",
    "user": "flowyte_ro",
    "password": "secret",
    "sslmode": "verify-full",
}


def findings(**changes: Any) -> dict[str, str]:
    """Field to code of what is wrong with otherwise good credentials."""
    with pytest.raises(ValidationFailed) as failed:
        parse_sql_credentials("postgres", {k: v for k, v in {**GOOD, **changes}.items() if v is not ...})
    return {finding.field: finding.code for finding in failed.value.errors}


def test_the_guide_s_credentials_are_read() -> None:
    read = parse_sql_credentials("postgres", GOOD)
    assert (read.host, read.port, read.sslmode, read.ca_pem, read.write) == ("db.example.com", 5432, "verify-full", None, None)


def test_what_may_be_left_out_has_the_strictest_default() -> None:
    read = parse_sql_credentials("postgres", {k: v for k, v in GOOD.items() if k not in ("port", "sslmode")})
    assert (read.port, read.sslmode) == (5432, "verify-full")
    assert parse_sql_credentials("mysql", {k: v for k, v in GOOD.items() if k != "port"}).port == 3306


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_a_mode_that_may_go_unencrypted_is_refused(mode: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        parse_sql_credentials("postgres", {**GOOD, "sslmode": mode})
    (finding,) = failed.value.errors
    assert (finding.field, finding.code) == ("sslmode", "sslmode_too_weak")
    assert "verify-full" in str(finding.hint)


def test_everything_wrong_is_said_at_once() -> None:
    wrong = findings(host=..., port="http", user=7, password="", sslmode="verify_full", hots="x")
    assert wrong == {
        "hots": "unknown_field",
        "host": "required",
        "port": "type",
        "user": "type",
        "password": "empty",
        "sslmode": "enum",
    }


def test_near_names_are_offered() -> None:
    with pytest.raises(ValidationFailed) as failed:
        parse_sql_credentials("postgres", {**GOOD, "dbname": "x", "passwrd": "y", "sslmode": "verify_full"})
    hints = {finding.field: finding.hint for finding in failed.value.errors}
    assert "'password'" in str(hints["passwrd"])
    assert "'verify-full'" in str(hints["sslmode"])


@pytest.mark.parametrize(
    "host",
    ["/var/run", "@socket", "a,b", "a.example.com,b.example.com", "postgres://u:p@h/db", "h\x00", "h h", "2130706433", "", 5],
)
def test_a_host_is_one_host(host: Any) -> None:
    assert set(findings(host=host)) == {"host"}


@pytest.mark.parametrize("port", [0, 65536, "0", "-1", "5432 ", "５４３２", True, 5432.0, "999999", [5432]])
def test_a_port_is_a_port(port: Any) -> None:
    assert set(findings(port=port)) == {"port"}


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "a\x7fb", "n" * 64, "ü" * 32, "\ud800", "", None, ["x"]])
def test_names_fit_the_server(name: Any) -> None:
    assert set(findings(database=name, user=name)) == {"database", "user"}


@pytest.mark.parametrize(
    "pem", ["nonsense", CA.replace("M", "!", 5), "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", 5]
)
def test_a_ca_that_is_none_is_refused(pem: Any) -> None:
    assert set(findings(ca_pem=pem)) == {"ca_pem"}


def test_a_private_key_does_not_belong_in_ca_pem() -> None:
    assert findings(ca_pem=CA + Authority().issue().key) == {"ca_pem": "private_key"}
    assert findings(ca_pem=CA + "x" * 300_000) == {"ca_pem": "too_long"}


def test_verify_ca_needs_an_authority_and_any_mode_takes_one() -> None:
    assert findings(sslmode="verify-ca") == {"ca_pem": "required"}
    for mode in ("require", "verify-ca", "verify-full"):
        assert parse_sql_credentials("postgres", {**GOOD, "sslmode": mode, "ca_pem": CA + Authority().pem}).ca_pem
    assert parse_sql_credentials("postgres", {**GOOD, "ca_pem": " \n"}).ca_pem is None


def test_the_write_role_is_a_role_of_its_own() -> None:
    read = parse_sql_credentials("postgres", {**GOOD, "write": {"user": "flowyte_rw", "password": "p"}})
    assert read.login("write").user == "flowyte_rw"
    assert read.login("read").user == "flowyte_ro"
    assert findings(write={"user": "flowyte_ro", "password": "p"}) == {"write.user": "same_role"}
    assert findings(write={"usr": "x"}) == {
        "write.usr": "unknown_field",
        "write.user": "required",
        "write.password": "required",
    }
    assert findings(write="flowyte_rw") == {"write": "type"}
    with pytest.raises(LookupError):
        parse_sql_credentials("postgres", GOOD).login("write")


def test_secrets_are_not_shown() -> None:
    read = parse_sql_credentials("postgres", {**GOOD, "write": {"user": "rw", "password": "hidden"}})
    assert "secret" not in repr(read)
    assert "hidden" not in f"{read!r} {read}"


def test_the_wire_form_reads_back() -> None:
    read = parse_sql_credentials("postgres", {**GOOD, "ca_pem": CA, "write": {"user": "rw", "password": "p"}})
    assert parse_sql_credentials("postgres", dump_sql_credentials(read)) == read


texts = st.text(st.one_of(st.sampled_from("'\\ =\"{}%$\n"), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=30)


@given(texts, texts, texts)
def test_no_value_can_add_a_keyword(database: str, user: str, password: str) -> None:
    try:
        read = parse_sql_credentials("postgres", {**GOOD, "database": database, "user": user, "password": password, "ca_pem": CA})
    except ValidationFailed:
        return
    target = CheckedAddress("db.example.com", 5432, "192.0.2.1")
    keywords = {k: v for k, v in connect_kwargs(read, target).items() if k not in ("autocommit", "prepare_threshold")}
    seen = conninfo_to_dict(make_conninfo("", **keywords))
    assert (seen["dbname"], seen["user"], seen["password"]) == (database, user, password)
    assert (seen["host"], seen["hostaddr"], seen["sslmode"]) == ("db.example.com", "192.0.2.1", "verify-full")
    assert set(seen) <= set(keywords)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "ca_pem", "write", "extra"]), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()))
    )
)
def test_nothing_but_a_validation_error_comes_of_nonsense(raw: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationFailed):
        assert isinstance(parse_sql_credentials("postgres", raw), SqlCredentials)


@pytest.mark.parametrize(
    ("kind", "member", "most", "character"),
    [
        ("postgres", "database", 63, "d"),
        ("postgres", "user", 31, "ü"),
        ("mysql", "database", 64, "ü"),
        ("mysql", "user", 128, "ü"),
    ],
)
def test_names_are_as_long_as_the_database_lets_them_be(kind: str, member: str, most: int, character: str) -> None:
    assert parse_sql_credentials(kind, {**GOOD, member: character * most})
    with pytest.raises(ValidationFailed) as failed:
        parse_sql_credentials(kind, {**GOOD, member: character * (most + 1)})
    assert [(finding.field, finding.code) for finding in failed.value.errors] == [(member, "too_long")]


def test_a_mysql_account_may_look_like_an_address() -> None:
    """Some hosts name their users that way; nothing splits a user at an @."""
    read = parse_sql_credentials("mysql", {**GOOD, "user": "reader@server-1", "write": {"user": "w'r`i\"t%e", "password": "p"}})
    assert (read.user, read.write and read.write.user) == ("reader@server-1", "w'r`i\"t%e")

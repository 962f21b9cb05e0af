"""The set-up scripts as texts: what they may be made for, and what the answer holds."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sql.postgres.quoting import BadName, dollar_quoted, identifier, literal, split_name
from patchbay.connectors.sql.postgres.scram import storable, stored_form
from patchbay.connectors.sql.postgres.scripts import scripts
from patchbay.errors import ValidationFailed


def test_the_answer_has_the_shape_of_the_guide() -> None:
    answer = scripts("appdb", ["appointments"]).to_json()
    assert set(answer) == {"readOnly", "write", "generatedPassword", "warnings"}
    assert set(answer["readOnly"]) == {"role", "sql", "revoke"}
    assert set(answer["write"]) == {"role", "sql", "revoke", "tables", "generatedPassword"}
    assert answer["write"]["tables"] == ["appointments"]
    assert answer["readOnly"]["role"] != answer["write"]["role"]
    assert len(answer["generatedPassword"]) >= 32
    assert answer["generatedPassword"] != answer["write"]["generatedPassword"]


def test_without_tables_there_is_no_write_script() -> None:
    assert scripts("appdb").to_json()["write"] is None


def test_a_password_that_is_given_is_not_returned_and_not_in_the_script() -> None:
    answer = scripts("appdb", ["t"], password="correct horse", write_password="battery staple").to_json()
    assert answer["generatedPassword"] is None
    assert "generatedPassword" not in answer["write"]
    assert "correct horse" not in str(answer)
    assert "battery staple" not in str(answer)


def test_a_password_that_must_stand_in_the_script_is_warned_of() -> None:
    made = scripts("appdb", password="пароль'\\")
    assert literal("пароль'\\") in made.read_only.sql
    assert any("log" in warning for warning in made.warnings)


def test_two_scripts_do_not_share_a_password() -> None:
    assert scripts("appdb").generated_password != scripts("appdb").generated_password


def test_a_generated_password_satisfies_password_policies() -> None:
    for _ in range(200):
        password = scripts("appdb").generated_password
        assert password is not None
        assert {"upper": any(map(str.isupper, password)), "digit": any(map(str.isdigit, password))} == {
            "upper": True,
            "digit": True,
        }
        assert set(password) & set("-_")


def test_it_never_grants_more_than_insert_and_update() -> None:
    made = scripts("appdb", ["t"])
    assert made.write is not None
    grants = [
        line for line in (made.read_only.sql + made.write.sql).splitlines() if "GRANT" in line and not line.startswith("--")
    ]
    for word in ("DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "ALL PRIVILEGES", "CREATE ON", "GRANT ALL"):
        assert not any(word in line for line in grants)
    assert not any("INSERT" in line or "UPDATE" in line for line in made.read_only.sql.splitlines())


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"database": ""}, "database", "name"),
        ({"database": "d" * 64}, "database", "name"),
        ({"database": "ü" * 32}, "database", "name"),
        ({"database": "d\x00"}, "database", "name"),
        ({"database": "\ud800"}, "database", "name"),
        ({"read_role": "pg_reader"}, "role", "reserved"),
        ({"read_role": "public"}, "role", "reserved"),
        ({"tables": ["t"], "write_role": "none"}, "writeRole", "reserved"),
        ({"tables": ["t"], "write_role": "flowyte_ro"}, "writeRole", "same_role"),
        ({"tables": [""]}, "tables.0", "name"),
        ({"tables": ["t", "a.b.c"]}, "tables.1", "name"),
        ({"tables": ['"a"b']}, "tables.0", "name"),
        ({"tables": ['"unclosed']}, "tables.0", "name"),
        ({"tables": ["a."]}, "tables.0", "name"),
        ({"tables": ["pg_catalog.pg_authid"]}, "tables.0", "system_table"),
        ({"tables": ["information_schema.sql_features"]}, "tables.0", "system_table"),
        ({"tables": ["t"] * 201}, "tables", "too_many"),
        ({"password": ""}, "password", "length"),
        ({"password": "x" * 1025}, "password", "length"),
        ({"password": "x\x00"}, "password", "character"),
    ],
)
def test_names_that_cannot_be_are_refused(changes: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        scripts(**{"database": "appdb", **changes})  # pyright: ignore[reportArgumentType]
    assert [(finding.field, finding.code) for finding in failed.value.errors] == [(field, code)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("appointments", ("appointments",)),
        ("Sales.Order Details", ("Sales", "Order Details")),
        ('"a.b"."c""d"', ("a.b", 'c"d')),
        ('app."a.b"', ("app", "a.b")),
        ("t; DROP TABLE x", ("t; DROP TABLE x",)),
    ],
)
def test_table_names_are_read_as_the_api_writes_them(text: str, parts: tuple[str, ...]) -> None:
    assert split_name(text) == parts


names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=15)


@given(names, names)
def test_a_quoted_name_reads_back(schema: str, table: str) -> None:
    assert split_name(identifier(schema, table)) == (schema, table)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_dollar_quote_ends_where_it_should(body: str) -> None:
    quoted = dollar_quoted(body + "\n")
    tag = quoted.split("\n", 1)[0]
    assert quoted.count(tag) == 2
    assert quoted == f"{tag}\n{body}\n{tag}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_constant_holds_any_text_but_nul(text: str) -> None:
    if "\x00" in text:
        with pytest.raises(BadName):
            literal(text)
        return
    quoted = literal(text)
    inner = quoted.removeprefix("E")[1:-1].replace("''", "")
    assert "'" not in inner
    if quoted.startswith("E"):
        assert "\\" not in inner.replace("\\\\", "")
    else:
        assert "\\" not in inner


def test_the_stored_form_verifies_the_password() -> None:
    stored = stored_form("pencil", salt=b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    head, keys = stored.removeprefix("SCRAM-SHA-256$").split("$")
    iterations, salt = head.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b64decode(salt), int(iterations))
    stored_key, server_key = (b64decode(part) for part in keys.split(":"))
    assert server_key == hmac.digest(salted, b"Server Key", "sha256")
    # The values of the exchange in RFC 7677, section 3, which uses this salt and 4096 iterations.
    assert b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") == _proof(salted, stored_key)


def _proof(salted: bytes, stored_key: bytes) -> bytes:
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    signature = hmac.digest(stored_key, message.encode(), "sha256")
    return bytes(a ^ b for a, b in zip(client_key, signature, strict=True))


def test_only_plain_ascii_has_a_stored_form() -> None:
    assert storable("a b~!")
    assert not storable("tab\t")
    assert not storable("é")
    with pytest.raises(ValueError, match="ASCII"):
        stored_form("é")

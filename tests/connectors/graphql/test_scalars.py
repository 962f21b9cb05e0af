"""What custom scalars hold."""

from __future__ import annotations

import pytest

from patchbay.connectors.graphql.scalars import read_scalar


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("ID", "string"), ("Int", "integer"), ("Float", "number"), ("Boolean", "boolean"), ("DateTime", "datetime"),
        ("ISO8601DateTime", "datetime"), ("timestamptz", "datetime"), ("LocalDateTime", "datetime"), ("Date", "date"),
        ("Time", "time"), ("Duration", "duration"), ("Decimal", "decimal"), ("PositiveDecimal", "decimal"), ("Money", "decimal"),
        ("UUID", "uuid"), ("uuid", "uuid"), ("JSON", "json"), ("JSONString", "string"), ("_Any", "json"), ("jsonb", "json"),
        ("URI", "string"), ("URL", "string"), ("BigInt", "integer"), ("Long", "integer"), ("PositiveInt", "integer"),
        ("Base64String", "bytes"), ("Upload", "string"), ("Unheard", "string"),
    ],
)  # fmt: skip
def test_by_name(name: str, type_: str):
    assert read_scalar(name).type == type_


def test_what_else_a_name_tells():
    assert read_scalar("DateTime").zoned
    assert not read_scalar("LocalDateTime").zoned
    assert read_scalar("BigInt").wide
    assert not read_scalar("PositiveInt").wide
    assert read_scalar("Upload").upload


@pytest.mark.parametrize(
    ("url", "type_"),
    [
        ("https://tools.ietf.org/html/rfc3339", "datetime"),
        ("https://datatracker.ietf.org/doc/html/rfc4122", "uuid"),
        ("https://www.rfc-editor.org/rfc/rfc8259.html", "json"),
        ("https://scalars.graphql.org/andimarek/local-date", "date"),
        ("https://scalars.graphql.org/andimarek/date-time.html", "datetime"),
        ("https://example.com/", "string"),
    ],
)
def test_by_specification(url: str, type_: str):
    assert read_scalar("Ours", url).type == type_


def test_by_description_last():
    assert read_scalar("Minute", None, "The number of minutes, by integer value.").type == "integer"
    assert read_scalar("Serial", None, "An integer, encoded as a string.").type == "string"
    assert read_scalar("Date", None, "An integer of days.").type == "date"

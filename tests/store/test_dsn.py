from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from patchbay.store.dsn import DatabaseMisconfigured, behind_pooler, libpq_conninfo

EXPECTED = {"user": "u", "password": "p@ss", "host": "db.example", "port": "5433", "dbname": "app", "sslmode": "require"}


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p%40ss@db.example:5433/app?sslmode=require",
        "postgresql://u:p%40ss@db.example:5433/app?sslmode=require",
        "postgresql+psycopg://u:p%40ss@db.example:5433/app?sslmode=require",
        "postgresql+asyncpg://u:p%40ss@db.example:5433/app?ssl=require",
        "POSTGRES://u:p%40ss@db.example:5433/app?sslmode=require",
        " postgresql://u:p%40ss@db.example:5433/app?sslmode=true\n",
        "host=db.example port=5433 user=u password=p@ss dbname=app sslmode=require",
    ],
)
def test_the_usual_spellings_mean_the_same(url: str) -> None:
    assert conninfo_to_dict(libpq_conninfo(url)) == EXPECTED


@pytest.mark.parametrize(
    ("url", "rest"),
    [
        ("postgres://h/d?pgbouncer=true", {"host": "h", "dbname": "d"}),
        ("postgres://h/d?pgbouncer=true&sslmode=require", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgres://h/d?sslmode=require&pgbouncer=1", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("host=h dbname=d pgbouncer=true", {"host": "h", "dbname": "d"}),
    ],
)
def test_a_transaction_pooler_is_named_in_the_url(url: str, rest: dict[str, str]) -> None:
    assert behind_pooler(url)
    assert conninfo_to_dict(libpq_conninfo(url)) == rest
    assert not behind_pooler(url.replace("pgbouncer", "sslmode"))


def test_defaults_give_way_to_what_the_url_says() -> None:
    given = conninfo_to_dict(libpq_conninfo("postgres://h/d?application_name=mine", application_name="ours", connect_timeout=10))
    assert (given["application_name"], given["connect_timeout"]) == ("mine", "10")


@pytest.mark.parametrize(
    "url",
    ["", "mysql://u:secret@h/d", "postgresql://u:secret@h:port/d?nonsense=1", "just words secret", "postgresql://u:se cret@[/d"],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(DatabaseMisconfigured) as refused:
        libpq_conninfo(url)
    assert "secret" not in f"{refused.value.detail}{refused.value.hint}"
    assert refused.value.hint is not None

"""The shared SQL data sets as scripts that psql, or the mariadb program, can run into an empty database."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
DATASETS = ("chinook", "sakila", "northwind", "adventureworks", "omop-cdm", "umami", "torture")
MARIADB_DATASETS = ("chinook", "sakila")


def shared_data() -> Path:
    """Where the shared data is: ``PATCHBAY_SHARED_DATA``, or beside the project. Skips the test when it is absent."""
    path = shared_data_if_there()
    if path is None:
        pytest.skip("the shared data is not here: set PATCHBAY_SHARED_DATA")
    return path


def shared_data_if_there() -> Path | None:
    """The same, or None when it is absent."""
    path = Path(os.environ.get("PATCHBAY_SHARED_DATA") or _ROOT.parent / "shared" / "data")
    return path if (path / "sql").is_dir() else None


@functools.cache
def dataset_statements(name: str) -> str:
    """The script of one data set."""
    directory = shared_data() / "sql" / name
    return {
        "chinook": _chinook,
        "sakila": lambda d: (d / "postgres-sakila-schema.sql").read_text(),
        "northwind": lambda d: (d / "northwind.sql").read_text(),
        "adventureworks": _adventureworks,
        "omop-cdm": _omop,
        "umami": lambda d: "\n".join(file.read_text() for file in sorted((d / "mig").glob("*.sql"))),
        "torture": lambda d: (d / "torture-postgres.sql").read_text(),
    }[name](directory)


@functools.cache
def mariadb_statements(name: str) -> str:
    """The script of one of `MARIADB_DATASETS`, without the lines that make and enter a database of their own."""
    file = {"chinook": "Chinook_MySql.sql", "sakila": "mysql-sakila-schema.sql"}[name]
    text = (shared_data() / "sql" / name / file).read_text(encoding="utf-8-sig")
    text = re.sub(r"(?im)^(use|(drop|create) (database|schema))\s.*$", "", text)
    return re.sub(rf"\b{name}\.", "", text)


def _chinook(directory: Path) -> str:
    """Without the lines that make and enter a database of their own."""
    text = (directory / "Chinook_PostgreSql.sql").read_text(encoding="utf-8-sig")
    return re.sub(r"(?im)^(\\c\s.*|(drop|create) database\s.*)$", "", text)


def _adventureworks(directory: Path) -> str:
    """Without the loads from CSV files, which are not shipped, and the reviews of products that come from them."""
    text = (directory / "install.sql").read_text(encoding="utf-8-sig")
    text = re.sub(r"(?im)^\\(copy|pset)\s.*$", "", text)
    return text.replace(
        "ALTER TABLE Production.ProductReview ADD",
        "DELETE FROM Production.ProductReview;\nALTER TABLE Production.ProductReview ADD",
        1,
    )


def _omop(directory: Path) -> str:
    parts = ("ddl", "primary_keys", "indices", "constraints")
    text = "\n".join((directory / f"OMOPCDM_postgresql_5.4_{part}.sql").read_text() for part in parts)
    return "CREATE SCHEMA cdm;\n" + text.replace("@cdmDatabaseSchema", "cdm")

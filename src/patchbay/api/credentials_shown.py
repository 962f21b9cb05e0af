"""Credentials on the wire. :mod:`patchbay.connectors.sql.credentials` reads them; these models only document them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

_EXAMPLE: JsonDict = {
    "host": "db.example.com",
    "port": "5432",
    "database": "appdb",
    "user": "flowyte_ro",
    "password": "…",
    "sslmode": "verify-full",
}


class WriteRoleBody(BaseModel):
    """The role that write calls, and nothing else, log in as."""

    model_config = ConfigDict(extra="forbid")

    user: str
    password: str


class CredentialsBody(BaseModel):
    """Where a database is and how to log in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    host: str
    port: int | str = 5432
    database: str
    user: str
    password: str = Field(description="Encrypted at rest, never returned.")
    sslmode: Literal["require", "verify-ca", "verify-full"] = "verify-full"
    ca_pem: str | None = Field(default=None, description="The certificates of a private authority, as PEM.")
    write: WriteRoleBody | None = None


class ConnectBody(BaseModel):
    """What connects a database. Without `credentials` only the settings change."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    credentials: CredentialsBody | None = None
    time_zone: str | None = Field(default=None, description="The IANA zone of its timestamps without zone.")
    default_country: str | None = Field(default=None, description="The country of its phone numbers without country code.")


class TestBody(BaseModel):
    """The credentials to test; nothing is stored."""

    model_config = ConfigDict(extra="forbid")

    credentials: CredentialsBody

"""Credentials on the wire. :mod:`patchbay.connectors.sql.credentials` reads them; these models only document them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from patchbay.connectors.definition import ClientAuth, Location, Scheme, SystemType

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


class SecretsBody(BaseModel):
    """What a REST or GraphQL system is entered with: the members that the definition's auth scheme asks for."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    api_key: str | None = Field(default=None, description="For `api_key`.")
    username: str | None = Field(default=None, description="For `basic`.")
    password: str | None = Field(default=None, description="For `basic`.")
    token: str | None = Field(default=None, description="For `bearer`.")
    client_id: str | None = Field(default=None, description="For OAuth 2.")
    client_secret: str | None = Field(default=None, description="For OAuth 2.")


class DocumentBody(BaseModel):
    """Where the document that describes a system is: exactly one member."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    url: str | None = None
    file_id: str | None = Field(default=None, description="From `POST /uploads`.")
    inline: str | dict[str, Any] | None = None


class AuthBody(BaseModel):
    """How requests to a system are authorized."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    scheme: Scheme
    place: Location = Field(default="header", alias="in", description="Where an API key goes.")
    name: str | None = Field(default=None, description="The header, query parameter or cookie of an API key.")
    prefix: str | None = Field(default=None, description="What comes before an API key, such as `Token `.")
    token_url: str | None = None
    authorization_url: str | None = None
    revocation_url: str | None = None
    scopes: list[str] = []
    client_auth: ClientAuth = "basic"
    issuer: str | None = Field(default=None, description="What `iss` must be when a browser comes back (RFC 9207).")


class VerifyBody(BaseModel):
    """A request that proves the credentials."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    method: Literal["GET", "HEAD", "POST"] = "GET"
    path: str | None = Field(default=None, description="Below the base URL. Needed unless there is a query.")
    expect: int | None = Field(default=None, description="The status it answers with; any 2xx when left out.")
    query: str | None = Field(
        default=None, description="GraphQL, in the place of the other members: a query that has to be answered without errors."
    )


class DefinitionBody(BaseModel):
    """What makes a kind of your own a provider. It stays when the provider is disconnected."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    type: SystemType
    display_name: str
    base_url: str | None = Field(default=None, description="REST: where paths start. GraphQL: the endpoint.")
    document: DocumentBody | None = Field(
        default=None,
        description="OpenAPI 2.0 to 3.1 or Google discovery. GraphQL: SDL, introspection, or nothing.",
    )
    auth: AuthBody | None = None
    headers: dict[str, str] | None = Field(default=None, description="Sent with every request; no secrets.")
    verify: VerifyBody | None = None
    ca_pem: str | None = Field(default=None, description="The certificates of a private authority, as PEM.")
    reads: list[str] | None = Field(default=None, description="Operations that only read although their method says otherwise.")


class ConnectBody(BaseModel):
    """What connects a system. Without `credentials` only the settings change. A kind of your own needs a `definition` once.

    Where a person has to agree in the browser (`oauth2_authorization_code`), a body without `credentials`, or none, begins again
    with the client that is stored.
    """

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    credentials: CredentialsBody | SecretsBody | None = None
    definition: DefinitionBody | None = None
    time_zone: str | None = Field(default=None, description="The IANA zone of its timestamps without zone.")
    default_country: str | None = Field(default=None, description="The country of its phone numbers without country code.")
    redirect_url: str | None = Field(
        default=None, description="Where the browser goes when a person has agreed or not: a path of this server."
    )


class TestBody(BaseModel):
    """The credentials to test; nothing is stored."""

    model_config = ConfigDict(extra="forbid")

    credentials: CredentialsBody

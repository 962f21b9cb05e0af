"""Before a SQL database is connected: the scripts for its scoped users, and the test of its credentials."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

import msgspec
from fastapi import Body as BodyParameter
from fastapi import Query
from pydantic import Field
from starlette.requests import Request

from patchbay.accounts.principal import Principal
from patchbay.api.access import IntegrationsRead, IntegrationsWrite
from patchbay.api.bodies import object_of
from patchbay.api.credentials_shown import TestBody
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import Kind
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems, validation_failure
from patchbay.api.routing import door_router
from patchbay.connectors.connections import provider_of
from patchbay.connectors.sql import setup
from patchbay.connectors.sql.scripts import READ_ROLE, WRITE_ROLE
from patchbay.errors import Finding, NotFound, ValidationFailed
from patchbay.nearest import did_you_mean

router = door_router("/integrations/{kind}/sql", tag="integrations")

_NAMES = re.compile(r'(?:"(?:[^"]|"")*"|[^,"])+')
_PARAMETERS = {"role": "ro_user", "writeRole": "rw_user", "password": "password"}


class NotADatabase(NotFound):
    """This integration is not a SQL database."""

    code, title = "not_a_database", "Not a database"


class ScriptShown(Shown):
    """A script that makes a role, and the one that removes it."""

    role: str
    sql: str = Field(description="Run it as an administrator, connected to the database.")
    revoke: str = Field(description="Removes the role and everything it was granted.")
    tables: list[str] | None = None
    generated_password: str | None = None


class ScriptsShown(Shown):
    """The scripts for a database. A generated password is returned this once."""

    read_only: ScriptShown
    write: ScriptShown | None
    generated_password: str | None
    warnings: list[str]


class CheckShown(Shown):
    """One check of a connection."""

    id: str
    status: Literal["passed", "warning", "failed", "skipped"]
    message: str
    hint: str | None = Field(description="What to do about it.")
    facts: dict[str, Any] = Field(description="What was measured or found; the members depend on the check.")
    duration_ms: float


class TestShown(Shown):
    """The checks in the order they ran. `ok`: none failed."""

    ok: bool
    checks: list[CheckShown]


@router.get(
    "/scripts", response_model=ApiResponse[ScriptsShown], summary="Generate database setup scripts", responses=problems(400, 404)
)
async def generate_scripts(
    principal: IntegrationsRead,
    request: Request,
    kind: Kind,
    database: Annotated[str, Query(max_length=200, description="The database they are for.")],
    ro_user: Annotated[str, Query(max_length=200, description="The read-only role.")] = READ_ROLE,
    rw_user: Annotated[str, Query(max_length=200, description="The write role.")] = WRITE_ROLE,
    tables: Annotated[str | None, Query(max_length=20_000, description="Tables to write to, comma-separated.")] = None,
    password: Annotated[str | None, Query(max_length=1024, description="The read-only role's; generated when left out.")] = None,
) -> Any:
    """Copy-paste SQL for a least-privilege read-only role, and with `tables` for a role that may insert into and update those.

    Nothing is stored or sent anywhere, and this query string is never logged.
    """
    type_ = await _database_type(request, principal, kind)
    named = [name.strip() for name in _NAMES.findall(tables or "") if name.strip()]
    try:
        made = setup.scripts(type_, database, named, read_role=ro_user, write_role=rw_user, password=password)
    except ValidationFailed as refusal:
        raise ValidationFailed(refusal.detail, errors=[_by_parameter(finding) for finding in refusal.errors]) from None
    return enveloped(made.to_json())


def _by_parameter(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, field=_PARAMETERS.get(finding.field, finding.field))


@router.post(
    "/test", response_model=ApiResponse[TestShown], summary="Test a database connection", responses=problems(400, 404, 413, 415)
)
async def test_connection(
    principal: IntegrationsWrite, request: Request, kind: Kind, body: Annotated[Any, Documented(TestBody), BodyParameter()]
) -> Any:
    """Try these credentials, check by check, and store nothing. Always 200: a failed check is data, with what to do about it."""
    credentials = _credentials_in(body)
    type_ = await _database_type(request, principal, kind)
    checks = setup.run_checks(type_, credentials, platform_of(request).guard)
    return enveloped(await while_present(request, checks))


async def _database_type(request: Request, principal: Principal, kind: str) -> str:
    """The type of database behind ``kind``, built in or of the organization's own. Raises :class:`NotADatabase`."""
    async with platform_of(request).database.tenant(principal.org_id, read_only=True) as session:
        type_ = (await provider_of(session, kind)).type
    if type_ not in setup.SQL_TYPES:
        raise NotADatabase
    return type_


def _credentials_in(body: Any) -> dict[str, Any]:
    members = object_of(body)
    findings = [
        Finding(name[:64], "unknown_field", "is not a known field", did_you_mean(name[:64], ("credentials",)))
        for name in members
        if name != "credentials"
    ]
    credentials = members.get("credentials")
    if not isinstance(credentials, dict):
        findings.append(Finding("credentials", "required", "must be an object with host, database, user and password"))
    if findings:
        raise validation_failure(findings)
    return cast("dict[str, Any]", credentials)

"""Looking a spreadsheet up while a skill is being built: its title, its tabs, and each tab's row of headers. Read only.

Google's Sheets API v4 (https://developers.google.com/workspace/sheets/api/reference/rest), asked through the guarded client like
every verification request, with the connection's own tokens.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from patchbay.connectors.connections import IntegrationNotConnected, current
from patchbay.connectors.http.asking import ask, authorizer_of, outbound
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.limits import TOO_MANY, meant_status
from patchbay.connectors.http.outcomes import retry_after_s
from patchbay.connectors.oauth.authorizers import authorizer_for
from patchbay.connectors.refusals import CredentialsRefused, SourceBusy, SourceUnavailable
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import Answered, OutboundClient
from patchbay.errors import Finding, NotFound, ValidationFailed
from patchbay.store.database import Database
from patchbay.store.vault import Vault

SPREADSHEETS = "google_sheets"
"""The kind whose connections can be asked."""
LOOK_S = 10.0
MOST_BYTES = 4_194_304
MOST_TABS = 100
MOST_HEADERS = 200
_ID = re.compile(r"[A-Za-z0-9_-]{10,200}")
_LINK = re.compile(r"https://docs\.google\.com/(?:a/[^/]+/)?spreadsheets/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]{10,200})(?:[/?#].*)?")
_ABOUT = "properties.title,sheets.properties(sheetId,title,index,sheetType,hidden,gridProperties(rowCount,columnCount))"


class SheetNotAccessible(NotFound):
    """The connected account cannot read this spreadsheet (sheet_not_accessible)."""

    code, title, named = "sheet_not_accessible", "Sheet not accessible", True

    def __init__(self) -> None:
        super().__init__(hint="Check the link, and share the file with the account that is connected.")


class Tab(msgspec.Struct, frozen=True, rename="camel"):
    """A tab with cells, and its first row; a column without a header is an empty text."""

    id: int
    title: str
    hidden: bool
    row_count: int
    column_count: int
    headers: tuple[str, ...]


class Spreadsheet(msgspec.Struct, frozen=True, rename="camel"):
    """A spreadsheet as whoever maps columns needs it."""

    spreadsheet_id: str
    title: str
    tabs: tuple[Tab, ...]


class _Grid(msgspec.Struct, frozen=True, rename="camel"):
    row_count: int = 0
    column_count: int = 0


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    title: str = ""
    sheet_id: int = 0
    sheet_type: str = "GRID"
    hidden: bool = False
    grid_properties: _Grid = _Grid()


class _Sheet(msgspec.Struct, frozen=True):
    properties: _Properties


class _About(msgspec.Struct, frozen=True):
    properties: _Properties
    sheets: tuple[_Sheet, ...] = ()


class _Values(msgspec.Struct, frozen=True):
    values: list[list[Any]] = []


class _Ranges(msgspec.Struct, frozen=True, rename="camel"):
    value_ranges: list[_Values] = []


async def look_up(database: Database, vault: Vault, guard: EgressGuard, *, org_id: str, kind: str, ref: str) -> Spreadsheet:
    """The spreadsheet that ``ref``, a link to it or its id, means.

    Raises ValidationFailed for another kind or what is no reference, IntegrationNotConnected, :class:`SheetNotAccessible`,
    EgressRefused, SourceBusy or SourceUnavailable.
    """
    if kind != SPREADSHEETS:
        message = f"{kind} has no spreadsheets; {SPREADSHEETS} does."
        raise ValidationFailed("There are no spreadsheets here.", errors=[Finding("kind", "not_spreadsheets", message)])
    sheet_id = spreadsheet_id(ref)
    async with database.tenant(org_id, read_only=True) as session:
        connection = await current(session, kind, connected=True)
        credentials = await read_credentials(session, vault, connection)
        authorizer = authorizer_for(database, vault, guard, connection, credentials)
    assert isinstance(credentials, HttpCredentials)
    try:
        async with outbound(credentials, guard) as client:
            return await _Looking(client, credentials, authorizer_of(credentials, authorizer)).spreadsheet(sheet_id)
    except CredentialsRefused:
        raise IntegrationNotConnected(hint="A person has to agree again: connect the integration again.") from None
    except (OutboundFailed, msgspec.DecodeError):
        raise SourceUnavailable from None


def spreadsheet_id(ref: str) -> str:
    """The id in a link, or the id itself. Raises ValidationFailed."""
    text = ref.strip()
    link = _LINK.fullmatch(text)
    if link is not None:
        return link[1]
    if _ID.fullmatch(text):
        return text
    message = "This is neither a link to a spreadsheet nor the id of one."
    hint = "Copy the address from the browser: https://docs.google.com/spreadsheets/d/…"
    raise ValidationFailed("The reference is not valid.", errors=[Finding("ref", "ref_invalid", message, hint)])


class _Looking:
    """One look: a few requests with one deadline."""

    def __init__(self, client: OutboundClient, credentials: HttpCredentials, authorizer: Authorizer) -> None:
        self._client = client
        self._credentials = credentials
        self._authorizer = authorizer
        self._deadline = asyncio.get_running_loop().time() + LOOK_S

    async def spreadsheet(self, sheet_id: str) -> Spreadsheet:
        """The spreadsheet, from what it says of itself and the first rows of its tabs."""
        place = f"/v4/spreadsheets/{quote(sheet_id, safe='')}"
        about = msgspec.json.decode(await self._ask(f"{place}?{urlencode({'fields': _ABOUT})}"), type=_About)
        tabs = [one.properties for one in about.sheets if one.properties.sheet_type == "GRID"][:MOST_TABS]
        headers = await self._headers(place, [tab.title for tab in tabs])
        shown = [
            Tab(
                id=tab.sheet_id,
                title=tab.title,
                hidden=tab.hidden,
                row_count=tab.grid_properties.row_count,
                column_count=tab.grid_properties.column_count,
                headers=tuple(str(cell) for cell in row[:MOST_HEADERS]),
            )
            for tab, row in zip(tabs, headers, strict=True)
        ]
        return Spreadsheet(sheet_id, about.properties.title, tuple(shown))

    async def _headers(self, place: str, titles: Sequence[str]) -> list[list[Any]]:
        """The first row of each tab, all in one request."""
        if not titles:
            return []
        ranges = ["'" + title.replace("'", "''") + "'!1:1" for title in titles]
        query = urlencode({"ranges": ranges, "fields": "valueRanges.values"}, doseq=True)
        found = msgspec.json.decode(await self._ask(f"{place}/values:batchGet?{query}"), type=_Ranges)
        rows = [one.values[0] if one.values else [] for one in found.value_ranges]
        return [*rows, *([[]] * len(titles))][: len(titles)]

    async def _ask(self, target: str) -> bytes:
        """The answer to one request; tokens that are refused are renewed once."""
        answered = await self._once(target, renew=False)
        if answered.status == 401:
            answered = await self._once(target, renew=True)
        if answered.status == 200:
            return answered.body
        if answered.status == 401:
            raise CredentialsRefused
        if meant_status(answered) == TOO_MANY:
            raise SourceBusy(retry_after_s=retry_after_s(answered.headers))
        if answered.status in (400, 403, 404, 410):
            raise SheetNotAccessible
        raise SourceUnavailable

    async def _once(self, target: str, *, renew: bool) -> Answered:
        return await ask(
            self._client,
            self._credentials,
            await self._authorizer.sign(renew=renew),
            method="GET",
            url=self._credentials.base_url + target,
            deadline=self._deadline,
            most_bytes=MOST_BYTES,
        )

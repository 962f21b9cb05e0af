"""Looking a connected spreadsheet up, to map a skill onto its columns."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request

from patchbay.api.access import IntegrationsRead
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import Kind
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.connectors.connections import provider_of
from patchbay.connectors.spreadsheets import look_up

router = door_router("/integrations/{kind}", tag="integrations")


class TabShown(Shown):
    """A tab of a spreadsheet."""

    id: int
    title: str
    hidden: bool
    row_count: int
    column_count: int
    headers: list[str] = Field(description="The first row; a column without a header is an empty text.")


class SpreadsheetShown(Shown):
    """A spreadsheet that the connected account can read."""

    spreadsheet_id: str
    title: str
    tabs: list[TabShown]


@router.get(
    "/spreadsheet",
    response_model=ApiResponse[SpreadsheetShown],
    summary="Look up a connected spreadsheet",
    responses=problems(400, 403, 404, 409, 503),
)
async def look_up_spreadsheet(
    principal: IntegrationsRead,
    request: Request,
    kind: Kind,
    ref: Annotated[str, Query(min_length=1, max_length=2_000, description="A link to the spreadsheet, or its id.")],
) -> Any:
    """The spreadsheet's title, its tabs and each tab's row of headers, so that you can map a skill's parameters to real columns.
    Nothing is written. `integration_not_connected` when Sheets is not connected, `sheet_not_accessible` when the link is wrong or
    the file is not shared with the connected account.
    """
    platform = platform_of(request)
    async with platform.database.tenant(principal.org_id, read_only=True) as session:
        await provider_of(session, kind)
    work = look_up(platform.database, platform.vault, platform.guard, org_id=principal.org_id, kind=kind, ref=ref)
    return enveloped(await while_present(request, work))

"""``If-Match``: the version an editor last read, as ``3`` or ``"3"``."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header

from patchbay.errors import Finding, ValidationFailed

_VERSION = re.compile(r'\d{1,9}|"\d{1,9}"')


async def _if_match(
    if_match: Annotated[str | None, Header(description='The version you last read: `3` or `"3"`. Stale: 409.')] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    if not _VERSION.fullmatch(if_match.strip()):
        finding = Finding(
            "If-Match", "invalid_version", 'must be the version you last read, as 3 or "3"', "Weak tags do not match."
        )
        raise ValidationFailed(f"{finding.field} {finding.message}", errors=[finding])
    return int(if_match.strip().strip('"'))


IfMatch = Annotated[int | None, Depends(_if_match)]


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'

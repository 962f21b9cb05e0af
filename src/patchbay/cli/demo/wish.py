"""What a run of the demo is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Wish(NamedTuple):
    """What was asked for on the command line."""

    database_url: str | None = None
    table: str | None = None
    filter: str | None = None
    columns: tuple[str, ...] = ()
    country: str | None = None
    time_zone: str | None = None
    ask: str | None = None
    data_dir: Path | None = None
    serve: bool | None = None

"""``patchbay demo``: the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    database_url: Annotated[
        str | None,
        typer.Option(
            help="Run it on this PostgreSQL instead of the practice database: postgresql://user:password@host/database?sslmode=…"
        ),
    ] = None,
    table: Annotated[str | None, typer.Option(help="With --database-url: the table to read.")] = None,
    filter: Annotated[str | None, typer.Option(help="With --database-url: the column to look records up by.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="With --database-url: the columns to read back, comma-separated; customer.name for a neighbour's."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="With --database-url: the country of phone numbers without a country code, such as US.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="With --database-url: the zone of its times, such as America/Chicago.")
    ] = None,
    ask: Annotated[str | None, typer.Option(help="With --database-url: what the caller says.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the demo keeps its own data [PATCHBAY_DATA_DIR/demo].")] = None,
    serve: Annotated[
        bool | None, typer.Option("--serve/--no-serve", help="Keep serving afterwards, until Ctrl+C. On a terminal it does.")
    ] = None,
) -> None:
    """Show the whole way, from a real database to an answered caller. Nothing has to be set up."""
    from patchbay.cli.demo.run import run_demo
    from patchbay.cli.demo.wish import Wish

    wish = Wish(
        database_url=database_url,
        table=table,
        filter=filter,
        columns=tuple(_names(columns)),
        country=country,
        time_zone=time_zone,
        ask=ask,
        data_dir=data_dir,
        serve=serve,
    )
    raise typer.Exit(run_demo(wish))


def _names(listed: str | None) -> list[str]:
    return [name.strip() for name in (listed or "").split(",") if name.strip()]

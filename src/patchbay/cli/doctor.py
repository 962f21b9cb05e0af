"""``patchbay doctor``: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console
from rich.markup import escape

_MARKS = {"passed": "[green]ok  [/]", "warning": "[yellow]note[/]", "failed": "[red]BAD [/]", "skipped": "[dim]--  [/]"}


def doctor() -> None:
    """Say what is wrong with this installation and how to mend it. Exit code 1 when something is."""
    from patchbay.cli.diagnosis.checks import diagnose

    console = Console(highlight=False, soft_wrap=True)
    findings = asyncio.run(diagnose())
    for found in findings:
        console.print(f"{_MARKS[found.status]} {escape(found.title)}: {escape(found.message)}")
        if found.hint:
            console.print(f"     → {escape(found.hint)}")
    failed = sum(found.status == "failed" for found in findings)
    console.print(f"\n{failed} of {len(findings)} checks failed." if failed else "\nNothing is wrong.")
    if failed:
        raise typer.Exit(1)

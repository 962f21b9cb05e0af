"""``patchbay``: the command line. Each command's module is light; what it needs is imported when it runs."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from patchbay.cli.demo.command import demo
from patchbay.cli.doctor import doctor
from patchbay.cli.keys import keys
from patchbay.cli.migrate import migrate
from patchbay.cli.serve import serve
from patchbay.errors import PatchbayError

app = typer.Typer(
    name="patchbay",
    help="Connects what a business already runs to agents that answer its phone and chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(serve)
app.command()(migrate)
app.add_typer(keys, name="keys")
app.command()(doctor)


def run() -> None:
    """The entry point: a refusal becomes a sentence and what to do next on standard error, and exit code 1."""
    try:
        app()
    except PatchbayError as refusal:
        sys.exit(_say(refusal.detail, refusal.hint))
    except ValueError as error:
        problems = _settings_problems(error)
        if not problems:
            raise
        sys.exit(_say("\n".join(problems), "These settings come from the environment; see docs/configuration.md."))
    except OSError as error:
        sys.exit(_say(f"The system refused: {error.strerror or error}.", "`patchbay doctor` checks the usual causes."))
    except Exception as error:
        if not _is_database_failure(error):
            raise
        sys.exit(_say(_database_failure(error), "`patchbay doctor` says what is wrong with it."))


def _say(message: str, hint: str | None) -> int:
    console = Console(stderr=True, highlight=False)
    console.print(message, style="red", markup=False)
    if hint:
        console.print(hint, markup=False)
    return 1


def _settings_problems(error: ValueError) -> list[str]:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError) or error.title != "Settings":
        return []
    return [f"{_variable(found['loc'])}: {found['msg']}" for found in error.errors(include_input=False, include_url=False)]


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]).upper() if place else "PATCHBAY_*"
    return name if name.startswith(("PATCHBAY", "DATABASE")) else f"PATCHBAY_{name}"


def _database_failure(error: Exception) -> str:
    from patchbay.cli.diagnosis.reason import why_refused

    reason = why_refused(error)
    return f"The database refuses: {reason}." if reason else "The database does not answer, or not as it should."


def _is_database_failure(error: Exception) -> bool:
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    return isinstance(error, DBAPIError | PoolTimeout)

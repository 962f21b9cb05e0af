"""The demo on a database of the user's: test, connect, discover, choose, bind, publish, ask once. It changes nothing there."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from rich.prompt import IntPrompt

from patchbay.cli.demo.choosing import Choice, NoSuchName, asked_for, choices
from patchbay.cli.demo.client import Client, Refusal
from patchbay.cli.demo.conversation import converse, show_receipt
from patchbay.cli.demo.failures import DemoFailed
from patchbay.cli.demo.show import Show
from patchbay.cli.demo.steps import KIND, Made, Steps, refuse_failed

if TYPE_CHECKING:
    from patchbay.cli.demo.wish import Wish

ORGANIZATION = "Patchbay demo, own database"
_EXAMPLE = "postgresql://user:password@db.example.com:5432/shop?sslmode=verify-full"
_OPTIONS = {"default_country_required": "--country US", "time_zone_required": "--time-zone America/Chicago"}
_SHOWN_CHOICES = 6


def read_url(url: str) -> dict[str, Any]:
    """The credentials in a PostgreSQL URL, as the API takes them. ``sslrootcert`` is read from its file.

    Raises:
        DemoFailed: it is no such URL, or something is missing in it.
    """
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise DemoFailed("--database-url is not a PostgreSQL URL.", f"It looks like {_EXAMPLE}") from None
    values = {name: str(value) for name, value in given.items() if value is not None}
    missing = [name for name in ("host", "user", "dbname") if not values.get(name)]
    if missing:
        what = " and ".join({"dbname": "the database"}.get(name, f"the {name}") for name in missing)
        raise DemoFailed(f"--database-url lacks {what}.", f"It looks like {_EXAMPLE}")
    if "," in values["host"]:
        raise DemoFailed("--database-url names several hosts.", "Name the one to connect to.")
    credentials: dict[str, Any] = {
        "host": values["host"],
        "port": values.get("port", "5432"),
        "database": values["dbname"],
        "user": values["user"],
        "password": values.get("password") or os.environ.get("PGPASSWORD") or _ask_password(values["user"]),
    }
    if "sslmode" in values:
        credentials["sslmode"] = values["sslmode"]
    if values.get("sslrootcert") not in (None, "system"):
        credentials["ca_pem"] = _certificate(Path(values["sslrootcert"]).expanduser())
    return credentials


def _ask_password(user: str) -> str:
    if not sys.stdin.isatty():
        raise DemoFailed("--database-url has no password.", "Put it into the URL, or set PGPASSWORD.")
    return typer.prompt(f"Password of {user}", hide_input=True)


def _certificate(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a PEM file"
        raise DemoFailed(f"sslrootcert {path} cannot be read: {reason}.") from None


def run_own(client: Client, show: Show, credentials: dict[str, Any], wish: Wish) -> Made:
    """Every step on the user's database."""
    steps = Steps(client, show)
    agent_id = steps.agent(_agent(credentials, wish))
    failed = steps.test(credentials)
    refuse_failed(failed, _with_example(failed))
    steps.connect(credentials, **_locale(wish))
    steps.discover()
    choice = _choose(steps, wish)
    _bind(steps, agent_id, choice)
    steps.publish(agent_id)
    show.step("A caller asks")
    if wish.ask is None:
        show.note("Nothing to ask was given (--ask), so the caller asks in general, and the agent asks back for what it needs.")
    question = wish.ask or f"Can you {choice.binding()['toolName'].lower()} for me?"
    show.sent("POST", f"/agents/{agent_id}/simulate")
    show.blank()
    heard = converse(client, show, agent_id, [question])
    show.step("The receipt")
    show_receipt(client, show, heard.id)
    return Made(agent_id, question)


def _agent(credentials: dict[str, Any], wish: Wish) -> dict[str, Any]:
    """An agent for this database alone, so that each keeps its own skills."""
    name = f"Demo of {credentials['database']} at {credentials['host']}"[:120]
    return {"name": name, "persona": {"role": "You look records up for callers and read them back."}, **_locale(wish)}


def _locale(wish: Wish) -> dict[str, str]:
    given = {"defaultCountry": wish.country, "timeZone": wish.time_zone}
    return {member: value for member, value in given.items() if value is not None}


def _bind(steps: Steps, agent_id: str, choice: Choice) -> None:
    try:
        steps.bind(agent_id, choice.binding())
    except Refusal as refusal:
        options = [option for code, option in _OPTIONS.items() if any(e.get("code") == code for e in refusal.errors)]
        if not options:
            raise
        raise DemoFailed(refusal.sentence, f"{refusal.hint}\nFor this demo: {' '.join(options)}") from None


def _with_example(failed: list[dict[str, Any]]) -> str | None:
    """The hint of the first failed check; where it is about the allow-list, with the command for it."""
    hint: str | None = failed[0].get("hint") if failed else None
    if hint and "PATCHBAY_EGRESS_ALLOW" in hint:
        return f"{hint}\nFor instance: PATCHBAY_EGRESS_ALLOW=10.0.0.5/32 patchbay demo --database-url …"
    return hint


def _choose(steps: Steps, wish: Wish) -> Choice:
    show = steps.show
    show.step("Choose what to look up")
    found = steps.client.get(f"/integrations/{KIND}/schema")
    show.request(found)
    promising = choices(found.data)[:_SHOWN_CHOICES]
    if promising:
        rows = [
            (index, c.object, c.filter, ", ".join(".".join(path) for path in c.columns)) for index, c in enumerate(promising, 1)
        ]
        show.table(("", "table", "found by", "reading back"), rows, right=(0,))
    try:
        if wish.table or wish.filter or wish.columns:
            choice = asked_for(found.data, wish.table, wish.filter, wish.columns)
            show.say(f"As asked: {_words(choice)}.")
            return choice
        if not promising:
            return asked_for(found.data, None, None, ())
    except NoSuchName as unknown:
        raise DemoFailed(str(unknown), unknown.hint) from None
    if sys.stdin.isatty() and show.console.is_terminal:
        numbers = [str(number) for number in range(1, len(promising) + 1)]
        number = IntPrompt.ask("    Which one", console=show.console, choices=numbers, default=1)
        choice = promising[number - 1]
        show.say(f"Chosen: {_words(choice)}.")
        return choice
    show.say(f"Nobody is there to choose, so the first is taken: {_words(promising[0])}.")
    show.note("Choose with --table, --filter and --columns.")
    return promising[0]


def _words(choice: Choice) -> str:
    return f"{choice.object} by {choice.filter}, reading back {', '.join('.'.join(path) for path in choice.columns)}"

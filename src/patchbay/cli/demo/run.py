"""One run of the demo: what it stands on, the steps, what to take away, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer
from rich.console import Console

from patchbay.cli.demo import own_run, practice_run
from patchbay.cli.demo.client import PREFIX, Client
from patchbay.cli.demo.failures import DemoFailed
from patchbay.cli.demo.server import listen, serving
from patchbay.cli.demo.show import Show
from patchbay.cli.demo.steps import Made
from patchbay.cli.demo.store import KEY_DAYS, demo_settings, only_one, prepare_store
from patchbay.cli.demo.wish import Wish
from patchbay.errors import PatchbayError
from patchbay.settings import Settings

_AUTHORIZED = '-H "Authorization: Bearer $PATCHBAY_API_KEY"'


def run_demo(wish: Wish, *, console: Console | None = None) -> int:
    """Run the demo and give the exit code: 0, 1 when it could not go on, 130 when it was interrupted."""
    show = Show(console or Console(highlight=False))
    ordinary = Settings()
    data_dir = (wish.data_dir or ordinary.data_dir / "demo").expanduser().resolve()
    log = data_dir / "demo.log"
    with _stopped_by_signal():
        try:
            _run(wish, show, ordinary, data_dir, log)
        except (KeyboardInterrupt, EOFError, typer.Abort):
            show.blank()
            show.note("Stopped.")
            return 130
        except (DemoFailed, PatchbayError) as failure:
            sentence = failure.sentence if isinstance(failure, DemoFailed) else failure.detail
            return _failed(show, sentence, failure.hint, log)
        except Exception as error:
            _write_trace(log, error)
            return _failed(show, f"Something in the demo itself went wrong ({type(error).__name__}).", None, log)
    return 0


def _check(wish: Wish) -> None:
    given = [name for name in ("table", "filter", "columns", "country", "time_zone", "ask") if getattr(wish, name)]
    if given and wish.database_url is None:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise DemoFailed(f"Without --database-url there is nothing for {options} to say.", "Add --database-url, or leave it out.")


def _run(wish: Wish, show: Show, ordinary: Settings, data_dir: Path, log: Path) -> None:
    _check(wish)
    practice = wish.database_url is None
    show.title("Patchbay demo", "From a real PostgreSQL database to an answered caller: each step is the request you would send.")
    with ExitStack() as stack:
        stack.enter_context(only_one(data_dir))
        log.write_text("", encoding="utf-8")
        own = None if wish.database_url is None else own_run.read_url(wish.database_url)
        shop = practice_run.open_shop(show, data_dir) if practice else None
        front = stack.enter_context(practice_run.tls_front(show, shop, data_dir)) if shop else None
        settings = demo_settings(ordinary, data_dir, allow=practice_run.ALLOW if practice else None)
        show.step("The platform")
        key = prepare_store(settings, practice_run.ORGANIZATION if practice else own_run.ORGANIZATION)
        listening = listen(settings.host, settings.port)
        host, port = _reached_at(listening.getsockname()[0]), listening.getsockname()[1]
        stack.enter_context(serving(settings, listening, log))
        _introduce(show, ordinary, settings, f"http://{_shown(host)}:{port}")
        client = Client(host, port, key)
        if shop is not None and front is not None:
            made = practice_run.run_practice(client, show, shop, front)
        else:
            assert own is not None
            made = own_run.run_own(client, show, own, wish)
        serves = sys.stdout.isatty() if wish.serve is None else wish.serve
        _take_away(show, f"http://{_shown(host)}:{port}", key, made, settings, serves=serves)
        if serves:
            _wait_for_the_end(show)


def _introduce(show: Show, ordinary: Settings, settings: Settings, url: str) -> None:
    show.say(f"Patchbay serves {url}{PREFIX}. Its store is an embedded PostgreSQL in {settings.data_dir}.")
    if ordinary.database_url is not None or ordinary.secret_key is not None:
        show.note("DATABASE_URL and PATCHBAY_SECRET_KEY are left alone: the demo has a store and keys of its own.")
    show.say(f"A secret key with every scope was made for the demo's organization; it ends in {KEY_DAYS} days.")
    if settings.llm_base_url:
        show.say(f"The model {settings.llm_model or 'of your choice'} at {settings.llm_base_url} answers the callers.")
    else:
        show.say("No language model is configured: Patchbay's built-in planner answers. It works by rules and needs no key.")
        show.note("For a model set PATCHBAY_LLM_BASE_URL, PATCHBAY_LLM_API_KEY and PATCHBAY_LLM_MODEL, and run this again.")


def _take_away(show: Show, url: str, key: str, made: Made, settings: Settings, *, serves: bool) -> None:
    show.heading("Go on from here" if serves else "What it made")
    show.blank()
    show.verbatim(f"export PATCHBAY_API={url}{PREFIX}")
    show.verbatim(f"export PATCHBAY_API_KEY={key}")
    show.verbatim(f"export AGENT_ID={made.agent_id}")
    for name, command in _commands(made.question):
        show.blank()
        show.verbatim(f"# {name}", style="dim")
        for line in command:
            show.verbatim(line)
    show.blank()
    if not serves:
        show.verbatim("The server has stopped; `patchbay demo --serve` keeps it running.", style="dim")
        show.verbatim(f"The data stays in {settings.data_dir}; remove that directory to forget all of it.", style="dim")


def _commands(question: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    asked = json.dumps(question).replace("'", "'\\''")
    return (
        (
            "Talk to the agent; any OpenAI client can, with this base URL and the agent as the model",
            (
                f"curl -s $PATCHBAY_API/chat/completions {_AUTHORIZED} \\",
                """  -H "Content-Type: application/json" -d '{"model": "'$AGENT_ID'",""",
                f"""  "messages": [{{"role": "user", "content": {asked}}}]}}'""",
            ),
        ),
        ("See what it may see", (f"curl -s $PATCHBAY_API/integrations/postgres/objects {_AUTHORIZED}",)),
        ("Read back what was said", (f"curl -s $PATCHBAY_API/conversations {_AUTHORIZED}",)),
        ("Every endpoint", ("curl -s $PATCHBAY_API/openapi.json",)),
    )


def _wait_for_the_end(show: Show) -> None:
    try:
        show.verbatim("Serving until Ctrl+C.", style="dim")
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _reached_at(host: str) -> str:
    """Where this machine reaches a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _failed(show: Show, sentence: str, hint: str | None, log: Path) -> int:
    show.blank()
    show.say(sentence, style="bold red")
    if hint:
        show.say(hint)
    if log.exists():
        show.note(f"The full log: {log}")
    return 1


def _write_trace(log: Path, error: BaseException) -> None:
    import traceback

    try:
        with log.open("a", encoding="utf-8") as lines:
            traceback.print_exception(error, file=lines)
    except OSError:
        pass


@contextmanager
def _stopped_by_signal() -> Generator[None]:
    """A polite request to end (SIGTERM) takes the same way out as Ctrl+C, so that the servers are stopped."""
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

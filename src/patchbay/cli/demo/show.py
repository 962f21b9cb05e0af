"""How the demo looks: numbered steps, the requests as they are sent, and what came back. Plain text when not on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleRenderable
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from patchbay.cli.demo.client import PREFIX, Answer
from patchbay.cli.demo.laid_out import laid_out

_MAX_WIDTH = 110
_STATUS = {"passed": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_MARK = {"passed": "✓", "warning": "!", "failed": "✗", "skipped": "·"}


class Show:
    """Writes to one console. Nothing that came from outside is read as markup."""

    def __init__(self, console: Console) -> None:
        self.console = console
        if console.width > _MAX_WIDTH:
            console.width = _MAX_WIDTH
        self._step = 0

    def title(self, name: str, words: str) -> None:
        """The head of the whole run."""
        self.console.print()
        self.console.print(Text(name, style="bold"))
        self._indented(Text(words, style="dim"), left=0)

    def step(self, name: str) -> None:
        """Begin the next step."""
        self._step += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._step:>2}  ", "bold cyan"), (name, "bold")))

    def say(self, words: str, *, style: str = "") -> None:
        """A sentence about the step."""
        self._indented(Text(words, style=style))

    def note(self, words: str) -> None:
        """Something beside the point, or worth knowing."""
        self.say(words, style="dim")

    def request(self, answer: Answer, body: Any = None) -> None:
        """A request that was answered, with its body where that is worth seeing."""
        self.sent(answer.method, answer.path, body, outcome=f"{answer.status} in {answer.took_ms:,.0f} ms")

    def sent(self, method: str, path: str, body: Any = None, *, outcome: str = "") -> None:
        """A request, and in a word what came of it."""
        line = Text.assemble("    ", (method, "bold blue"), f" {PREFIX}{path}")
        came_of_it = Text(f"→ {outcome}" if outcome else "", style="dim")
        if len(line) + len(came_of_it) + 2 <= self.console.width:
            self.console.print(line + Text("  ") + came_of_it if outcome else line, soft_wrap=True)
        else:
            # A long path is not broken, so that it can be copied.
            self.console.print(line, soft_wrap=True)
            self._indented(came_of_it)
        if body is not None:
            self.code(laid_out(body, self.console.width - 8), "json")

    def code(self, text: str, language: str) -> None:
        """Text in a language of its own."""
        if self.console.is_terminal:
            code = Syntax(text.strip(), language, theme="ansi_dark", background_color="default", word_wrap=True)
            self._indented(code, left=8)
        else:
            self._indented(Text(text.strip()), left=8)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
        """Rows under heads; the columns in ``right`` are numbers."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
        for index, head in enumerate(heads):
            table.add_column(head, justify="right" if index in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
        self._indented(table)

    def checks(self, checks: Sequence[dict[str, Any]]) -> None:
        """The checks of a connection test."""
        rows: list[Sequence[object]] = []
        for check in checks:
            status = str(check["status"])
            mark = Text(f"{_MARK.get(status, '?')} {status}", style=_STATUS.get(status, ""))
            words = Text(str(check["message"]))
            if check.get("hint") and status in ("warning", "failed"):
                words.append(f"\n{check['hint']}", style="dim")
            took = check.get("durationMs")
            rows.append((str(check["id"]).replace("_", " "), mark, words, "" if not took else f"{took:,.0f} ms"))
        self.table(("check", "", "what was found", "took"), rows, right=(3,))

    def spoken(self, who: str, words: str) -> None:
        """What somebody said."""
        self._hanging(Text(who, style="bold magenta" if who == "caller" else "bold green"), Text(words))

    def aside(self, words: str) -> None:
        """What happened between two things said."""
        self._hanging(Text(), Text(words, style="dim"))

    def blank(self) -> None:
        """Room."""
        self.console.print()

    def heading(self, words: str) -> None:
        """A line across, before what to take away."""
        self.console.print()
        self.console.print(Rule(Text(words, style="bold"), align="left", style="cyan", characters="─"))

    def verbatim(self, line: str, *, style: str = "") -> None:
        """A line to copy: it is never broken."""
        self.console.print(Text(line, style=style), soft_wrap=True)

    def _hanging(self, label: Text, words: Text, *, column: int = 12) -> None:
        """``words`` in a column of their own, and ``label`` before the first line."""
        label.align("left", column - 4)
        for index, line in enumerate(self._wrapped(words, column)):
            self.console.print(Text("    ") + (label if index == 0 else Text(" " * (column - 4))) + line)

    def _indented(self, shown: ConsoleRenderable, *, left: int = 4) -> None:
        if isinstance(shown, Text):
            for line in self._wrapped(shown, left):
                self.console.print(Text(" " * left) + line)
        else:
            self.console.print(Padding(shown, (0, 0, 0, left), expand=False))

    def _wrapped(self, words: Text, left: int) -> Iterable[Text]:
        for line in words.wrap(self.console, max(self.console.width - left, 20), overflow="fold"):
            line.rstrip()
            yield line

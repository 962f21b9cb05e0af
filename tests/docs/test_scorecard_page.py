"""docs/scorecard.md lists every case of the behaviour scorecard in its order; each case says what is wrong and what holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scorecard.md").read_text()
FILES = [ROOT / "tests" / "api" / "guides" / f"test_scorecard_{part}.py" for part in ("sql", "values", "http")]
CASES = [
    node
    for file in FILES
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
]


def test_the_page_lists_every_case_as_the_tests_have_it() -> None:
    rows = [[cell.strip() for cell in line.split(" | ")] for line in PAGE.splitlines() if re.match(r"\| (?!case)", line)]
    assert [row[-1].strip("` |") for row in rows] == [case.name for case in CASES]
    assert {len(row) for row in rows} == {4}


def test_each_case_says_what_went_wrong_elsewhere_and_what_holds_here() -> None:
    for case in CASES:
        wrong, _, holds = (ast.get_docstring(case) or "").partition("\n\n")
        assert wrong.startswith("Elsewhere "), case.name
        assert holds.startswith("Here "), case.name

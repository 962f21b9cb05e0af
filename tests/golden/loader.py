"""Golden files: pairs of an input (``name.json``) and what comes of it (``name.sql``). ``PATCHBAY_REWRITE_GOLDEN=1`` rewrites
the second; read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REWRITE = os.environ.get("PATCHBAY_REWRITE_GOLDEN") == "1"


def cases(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every input of a folder, by name."""
    for path in sorted((HERE / folder).glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def same(folder: str, name: str, made: str, suffix: str = ".sql") -> None:
    """Assert that ``made`` is what the golden file holds, or write it there."""
    path = HERE / folder / f"{name}{suffix}"
    if REWRITE:
        path.write_text(made)
        return
    assert path.exists(), f"{path.name} is missing: run with PATCHBAY_REWRITE_GOLDEN=1"
    assert made == path.read_text()


def strays(folder: str, suffix: str = ".sql") -> set[str]:
    """Results without an input."""
    inputs = {path.stem for path in (HERE / folder).glob("*.json")}
    return {path.stem for path in (HERE / folder).glob(f"*{suffix}")} - inputs

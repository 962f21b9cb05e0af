"""The documents name only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from patchbay.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def names_in(text: str) -> set[str]:
    """Paths of the repository named in back-quotes or links."""
    quoted = re.findall(r"`((?:src|docs|tests|benchmarks|scripts)/[\w./-]+)`", text)
    return set(quoted)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_path_named_exists(document: Path) -> None:
    missing = [name for name in names_in(document.read_text()) if not (ROOT / name.rstrip("/")).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(((?!https?:|#|mailto:)[^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_the_house_in_the_architecture_page_is_the_house_that_stands() -> None:
    drawn = set(re.findall(r"^\| `src/patchbay/(\w+)/` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE))
    standing = {p.parent.name for p in (ROOT / "src/patchbay").glob("*/__init__.py")}
    assert drawn == standing


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    undocumented = [
        name
        for name, field in Settings.model_fields.items()
        if f"`{'DATABASE_URL' if name == 'database_url' else 'PATCHBAY_' + name.upper()}`" not in page or not field.description
    ]
    assert not undocumented


def test_no_file_is_longer_than_eight_hundred_lines() -> None:
    code = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    long = {str(f.relative_to(ROOT)): n for f in code if (n := len(f.read_text().splitlines())) > 800}
    assert not long


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    assert all(page.read_text().startswith(f"# {page.name[:4]}. ") for page in pages)

"""The packs of this installation: those that come with Patchbay, and those in the operator's own directory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from patchbay.connectors.catalog import RESERVED, WORDS, Provider
from patchbay.packs.model import Pack
from patchbay.packs.reading import PackInvalid, read_pack

DIRECTORY = Path(__file__).parent / "providers"


@cache
def load_packs(own: Path | None = None) -> Mapping[str, Pack]:
    """Every pack by its kind; one in ``own`` takes the place of ours. Raises :class:`PackInvalid`."""
    found: dict[str, Pack] = {}
    for parent in filter(None, (DIRECTORY, own)):
        for kind in kinds_in(parent):
            directory = parent / kind
            pack = read_pack(directory)
            if pack.kind in RESERVED or pack.kind in WORDS:
                raise PackInvalid(directory, [f"{pack.kind!r} is reserved"])
            found[pack.kind] = pack
    return found


def kinds_in(directory: Path) -> list[str]:
    """The kinds of the packs in a directory."""
    return sorted(path.name for path in directory.iterdir() if (path / "pack.yaml").exists())


def provider_of_pack(pack: Pack) -> Provider:
    """The entry of a pack in the catalog."""
    identity = pack.identity
    return Provider(
        kind=pack.kind,
        name=identity.name,
        type=identity.connect.type,
        category=identity.category,
        description=identity.description,
        auth="oauth" if identity.connect.oauth is not None else "credentials",
        logo=identity.logo,
        action_count=len(pack.actions),
        has_pack=pack.has_pack,
    )

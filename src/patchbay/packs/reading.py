"""Reading a pack's directory, and everything that can be said of it without a provider."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from patchbay.connectors.definition import parse_definition
from patchbay.connectors.http.credentials import SECRETS
from patchbay.connectors.rest.documents.yaml_text import read_yaml
from patchbay.errors import Finding, PatchbayError
from patchbay.packs.connecting import draft_definition, fields_of_secret
from patchbay.packs.filling import NAMED, names_in
from patchbay.packs.model import Action, Connect, Fixtures, Guidance, Identity, Pack, Preset

DOCUMENTS = ("api.yaml", "api.graphql")
BUILT_IN = ("postgres", "mysql")
_T = TypeVar("_T")


class PackInvalid(Exception):
    """A pack cannot be used. Says which file, and everything that is wrong with it."""

    def __init__(self, directory: Path, problems: list[str]) -> None:
        super().__init__(f"{directory.name}: " + "; ".join(problems))
        self.problems = problems


def read_pack(directory: Path) -> Pack:
    """The pack in a directory. Raises :class:`PackInvalid`."""
    identity = _read(directory, "pack.yaml", Identity)
    if identity is None:
        raise PackInvalid(directory, ["pack.yaml is missing"])
    shared = directory if identity.alike is None else directory.parent / identity.alike
    document = next((directory / name for name in DOCUMENTS if (directory / name).exists()), None)
    pack = Pack(
        identity=identity,
        actions=_read(directory, "actions.yaml", tuple[Action, ...]) or (),
        presets=_read(shared, "presets.yaml", tuple[Preset, ...]) or (),
        guidance=_read(shared, "guidance.yaml", Guidance),
        document=None if document is None else document.read_text("utf-8"),
    )
    problems = [*_problems(directory, pack)]
    if problems:
        raise PackInvalid(directory, problems)
    return pack


def read_fixtures(directory: Path) -> Fixtures:
    """The fixtures of a pack; none where there is no file. Raises :class:`PackInvalid`."""
    return _read(directory, "fixtures.yaml", Fixtures) or Fixtures()


def _read(directory: Path, name: str, type_: type[_T]) -> _T | None:
    path = directory / name
    if not path.exists():
        return None
    try:
        return msgspec.convert(read_yaml(path.read_text("utf-8"), name), type_)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise PackInvalid(directory, [f"{name}: {error}"]) from None
    except PatchbayError as error:
        raise PackInvalid(directory, [f"{name}: {error.detail}"]) from None


def _problems(directory: Path, pack: Pack) -> Iterator[str]:
    if pack.kind != directory.name:
        yield f"pack.yaml: kind is {pack.kind!r}, and the directory is called {directory.name!r}"
    yield from _of_connect(pack)
    slugs = [one.slug for one in (*pack.actions, *pack.presets)]
    for slug in sorted({one for one in slugs if slugs.count(one) > 1}):
        yield f"{slug!r} names two actions or presets"
    for action in pack.actions:
        yield from (f"actions.yaml: {action.slug}: {problem}" for problem in _of_action(action))
    for preset in pack.presets:
        yield from (f"presets.yaml: {preset.slug}: {problem}" for problem in _of_preset(preset, pack))


def _of_connect(pack: Pack) -> Iterator[str]:
    connect = pack.identity.connect
    if pack.kind in BUILT_IN:
        if connect.type != pack.kind or pack.document is not None or pack.actions:
            yield "a built-in kind has its own type, no document and no actions"
        return
    if connect.type not in ("rest", "graphql") or connect.base_url is None:
        yield "pack.yaml: connect needs a type rest or graphql, and a baseUrl"
        return
    if pack.document is None:
        yield f"one of {', '.join(DOCUMENTS)} is needed"
    yield from _of_fields(connect)
    install = pack.identity.install
    if install is not None and {install.account, install.token} - {field.name for field in connect.fields}:
        yield "pack.yaml: install names fields that there are not"
    findings: list[Finding] = []
    parse_definition(draft_definition(pack), findings)
    yield from (f"pack.yaml: {finding.field}: {finding.message}" for finding in findings)


def _of_fields(connect: Connect) -> Iterator[str]:
    base_url = connect.base_url or ""
    open_fields = {field.name for field in connect.fields if not field.secret}
    for text in (base_url, connect.account_label or ""):
        for name in NAMED.findall(text):
            if name not in open_fields:
                yield f"pack.yaml: {{{name}}} is no field, or a secret one"
    for field in connect.fields:
        if f"{{{field.name}}}" in base_url and field.pattern is None:
            yield f"pack.yaml: {field.name} is part of the base URL and needs a pattern"
        if field.pattern is not None and not _is_pattern(field.pattern):
            yield f"pack.yaml: the pattern of {field.name} is no regular expression"
    yield from _of_secrets(connect)


def _of_secrets(connect: Connect) -> Iterator[str]:
    for made_of in connect.secrets.values():
        for field in fields_of_secret(made_of):
            if field not in {one.name for one in connect.fields}:
                yield f"pack.yaml: secrets name {field!r}, which is no field"
    wanted = SECRETS.get(connect.auth.get("scheme", "none"), ()) if connect.oauth is None else ()
    for name in connect.secrets.keys() - {name for name, _ in wanted}:
        yield f"pack.yaml: secrets: {name!r} is no credential of this scheme, which has {_listed(wanted)}"
    for name in [name for name, needed in wanted if needed and name not in connect.secrets]:
        yield f"pack.yaml: secrets do not say which field {name!r} is"


def _listed(wanted: Sequence[tuple[str, bool]]) -> str:
    return ", ".join(name for name, _ in wanted) or "none"


def _of_action(action: Action) -> Iterator[str]:
    if (action.binding is None) == (action.recipe is None):
        yield "it needs either a binding or a recipe"
    if action.recipe is None and (action.parts or action.settings or action.parameters):
        yield "parts, settings and parameters belong to a recipe"
    declared = {setting.name for setting in action.configuration}
    used = names_in([action.binding, action.settings, action.parts])
    for name in sorted(used - declared):
        yield f"${{{name}}} is not in its configuration"
    for name in sorted(declared - used):
        yield f"nothing uses {name!r} of its configuration"


def _of_preset(preset: Preset, pack: Pack) -> Iterator[str]:
    if (preset.action is None) == (preset.goal is None):
        yield "it needs either an action or a goal"
    if preset.action is None:
        return
    action = pack.action(preset.action)
    if action is None:
        yield f"there is no action {preset.action!r}"
        return
    for name in sorted(preset.configuration.keys() - {setting.name for setting in action.configuration}):
        yield f"{preset.action} has no configuration {name!r}"


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True

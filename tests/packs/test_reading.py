"""What a pack's files may hold: an author is told everything that is wrong, by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchbay.agent_runtime.provisioning.checking import problems_of
from patchbay.packs.connecting import provided_for
from patchbay.packs.filling import configured, fill
from patchbay.packs.known import DIRECTORY, load_packs
from patchbay.packs.model import Pack, Setting
from patchbay.packs.reading import PackInvalid, read_pack
from patchbay.settings import Settings
from tests.packs.desk import ACTIONS, PACK, write_pack


def test_every_pack_that_comes_with_patchbay_can_be_read() -> None:
    packs = load_packs()
    assert {path.parent.name for path in DIRECTORY.glob("*/pack.yaml")} == set(packs)
    assert {"postgres", "mysql"} <= set(packs)


def test_a_pack_is_read_whole(tmp_path: Path) -> None:
    pack = read_pack(write_pack(tmp_path) / "desk")
    assert [action.slug for action in pack.actions] == ["find_caller", "find_contact", "rename"]
    assert pack.has_pack
    assert pack.guidance is not None
    assert pack.document is not None


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pack", "kind: desk", "kind: other", "the directory is called 'desk'"),
        ("pack", 'version: "2026-01-05"', "version: latest", "version"),
        ("pack", "category: crm", "category: toys", "category"),
        ("pack", "{region}.desk", "{key}.desk", "{key} is no field, or a secret one"),
        ("pack", "pattern: '[a-z]{2}', ", "", "needs a pattern"),
        ("pack", "'[a-z]{2}'", "'[a-z'", "no regular expression"),
        ("pack", "token: key", "token: kee", "'kee', which is no field"),
        ("pack", "token: key", "token: 'Token {kee}'", "'kee', which is no field"),
        ("pack", "token: key", "user: key", "'user' is no credential of this scheme, which has token"),
        ("pack", "secrets: {token: key}", "secrets: {}", "do not say which field 'token' is"),
        ("pack", "scheme: bearer", "scheme: barer", "definition.auth.scheme"),
        ("pack", "logo: desk", "colour: red", "colour"),
        ("actions", "slug: rename", "slug: find_caller", "names two actions"),
        ("actions", "${note}", "${nota}", "${nota} is not in its configuration"),
        ("actions", "effect: write", "recipe: book", "either a binding or a recipe"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    texts = {"pack": PACK, "actions": ACTIONS}
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises(PackInvalid) as refused:
        read_pack(write_pack(tmp_path, **texts) / "desk")
    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["calendly", "catalog"])
def test_no_pack_takes_a_reserved_kind(tmp_path: Path, kind: str) -> None:
    write_pack(tmp_path, pack=PACK.replace("kind: desk", f"kind: {kind}"))
    (tmp_path / "desk").rename(tmp_path / kind)
    with pytest.raises(PackInvalid):
        load_packs(tmp_path)


def test_a_placeholder_that_is_the_whole_text_keeps_its_type() -> None:
    given = {"minutes": 30, "name": "Front", "days": [1, 2]}
    value = {"a": "${minutes}", "b": ["at ${name} for ${minutes}", "${days}"], "c": "plain $ {x}"}
    assert fill(value, given) == {"a": 30, "b": ["at Front for 30", [1, 2]], "c": "plain $ {x}"}


def test_what_is_put_in_is_not_looked_through_for_placeholders() -> None:
    assert fill("${a} ${b}", {"a": "${b}", "b": "x"}) == "${b} x"


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("string", "x", " "), ("integer", 3, True), ("number", 1.5, "1"), ("boolean", False, 0), ("country", "US", "us"),
        ("time_zone", "America/Toronto", "Toronto"), ("columns", {"a": "A"}, {"a": 1}), ("object", {}, []), ("list", [], {}),
        ("working_hours", {"mon": []}, "9-5"),
    ],
)  # fmt: skip
def test_settings_have_types(type_: str, good: object, bad: object) -> None:
    setting = Setting(name="x", label="X", type=type_)  # pyright: ignore[reportArgumentType]
    findings: list[object] = []
    assert configured((setting,), {"x": good}, findings, "c") == {"x": good}  # pyright: ignore[reportArgumentType]
    assert findings == []
    configured((setting,), {"x": bad, "y": 1}, findings, "c")  # pyright: ignore[reportArgumentType]
    assert [getattr(one, "field", None) for one in findings] in (["c.y", "c.x"], ["c.x", "c.y"])


def test_a_credential_may_be_made_of_several_fields(tmp_path: Path, settings: Settings) -> None:
    pack = read_pack(write_pack(tmp_path, pack=PACK.replace("token: key", "token: '{region}/{key}'")) / "desk")
    provided = provided_for(pack, {"credentials": {"region": "eu", "key": "s3cret"}}, settings, again=False)
    assert provided is not None
    assert provided.credentials == {"token": "eu/s3cret"}


@pytest.mark.parametrize("pack", load_packs().values(), ids=load_packs().keys())
def test_the_actions_of_every_pack_fit_its_document(pack: Pack) -> None:
    assert list(problems_of(pack)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("operation: findContact", "operation: findContacts", "actions.yaml: find_caller: operation: "),
        ("arg: phone", "arg: fone", "actions.yaml: find_caller: inputs.0.arg: "),
        ("path: [contact, name]", "path: [contact, nam]", "actions.yaml: find_caller: projection.0.path: "),
    ],
)
def test_an_author_is_told_what_does_not_fit(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in ACTIONS
    (problem, *_) = problems_of(read_pack(write_pack(tmp_path, actions=ACTIONS.replace(old, new, 1)) / "desk"))
    assert problem.startswith(said)

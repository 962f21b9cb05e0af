from __future__ import annotations

import base64
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patchbay.settings import Settings
from patchbay.store.vault import (
    KEY_FILE,
    Sealed,
    SecretKeyInvalid,
    SecretUnreadable,
    Vault,
    add_key,
    parse_master_keys,
    read_key_file,
)

OLD, NEW = ("k1", b"1" * 32), ("k2", b"2" * 32)
VAULT = Vault([OLD])

names = st.text(max_size=12)
places = st.fixed_dictionaries({"table": names, "column": names, "row_id": names, "org_id": names})


@given(st.binary(max_size=300), places)
def test_what_is_sealed_opens_in_its_place(plaintext: bytes, place: dict[str, str]) -> None:
    sealed = VAULT.seal(plaintext, **place)
    assert VAULT.open(sealed, **place) == plaintext
    assert plaintext not in sealed.ciphertext or len(plaintext) < 3


@given(st.binary(max_size=20), places, places)
def test_it_opens_in_no_other_place(plaintext: bytes, place: dict[str, str], other: dict[str, str]) -> None:
    assume(place != other)
    with pytest.raises(SecretUnreadable):
        VAULT.open(VAULT.seal(plaintext, **place), **other)


@given(st.text(max_size=5), st.text(max_size=5))
def test_moving_a_boundary_between_names_is_another_place(one: str, two: str) -> None:
    """What is bound are the four values, not their letters in a row."""
    here = {"table": one + two, "column": "", "row_id": "r", "org_id": "o"}
    there = {"table": one, "column": two, "row_id": "r", "org_id": "o"}
    assume(here != there)
    with pytest.raises(SecretUnreadable):
        VAULT.open(VAULT.seal(b"x", **here), **there)


@given(st.binary(max_size=40), places, st.data())
def test_any_changed_bit_is_noticed(plaintext: bytes, place: dict[str, str], data: st.DataObject) -> None:
    sealed = VAULT.seal(plaintext, **place)
    spoiled = bytearray(sealed.ciphertext)
    bit = data.draw(st.integers(0, len(spoiled) * 8 - 1))
    spoiled[bit // 8] ^= 1 << bit % 8
    for changed in (bytes(spoiled), sealed.ciphertext[: data.draw(st.integers(0, len(sealed.ciphertext) - 1))]):
        with pytest.raises(SecretUnreadable):
            VAULT.open(Sealed(sealed.key_id, changed), **place)


PLACE = {"table": "credentials", "column": "ciphertext", "row_id": "con_1/read", "org_id": "org_1"}


def test_sealing_twice_gives_different_bytes() -> None:
    assert VAULT.seal(b"secret", **PLACE) != VAULT.seal(b"secret", **PLACE)


def test_the_newest_key_seals_and_every_listed_one_opens() -> None:
    before = VAULT.seal(b"secret", **PLACE)
    rotated = Vault([NEW, OLD])
    after = rotated.seal(b"secret", **PLACE)
    assert (before.key_id, after.key_id) == ("k1", "k2")
    assert rotated.open(before, **PLACE) == rotated.open(after, **PLACE) == b"secret"
    with pytest.raises(SecretUnreadable) as refused:
        VAULT.open(after, **PLACE)
    assert "k2" in str(refused.value.hint)


def test_a_ciphertext_is_bound_to_its_keys_id() -> None:
    sealed = VAULT.seal(b"secret", **PLACE)
    with pytest.raises(SecretUnreadable):
        Vault([("other", OLD[1])]).open(Sealed("other", sealed.ciphertext), **PLACE)


def test_the_keyed_hash_survives_rotation() -> None:
    pepper = ("pepper", OLD[1])
    hashes = {
        vault.keyed_hash(b"x")
        for vault in (VAULT, Vault([NEW, OLD]), Vault([NEW, pepper]), Vault([("k3", b"3" * 32), NEW, pepper]))
    }
    assert len(hashes) == 1
    assert hashes != {Vault([NEW]).keyed_hash(b"x")}
    assert "pepper" not in Vault([NEW, pepper]).key_ids
    with pytest.raises(SecretUnreadable):
        Vault([NEW, pepper]).open(VAULT.seal(b"x", **PLACE), **PLACE)


def test_keys_show_nowhere() -> None:
    vault = Vault([NEW, OLD])
    shown = repr(vault) + str(vault) + repr(vars(vault))
    assert repr(vault) == "<Vault k2, k1>"
    for _, secret in (OLD, NEW):
        assert secret.decode() not in shown
        assert base64.b64encode(secret).decode() not in shown
    with pytest.raises(TypeError):
        pickle.dumps(vault)


def encoded(length: int = 32) -> str:
    return base64.b64encode(bytes(range(length))).decode()


def test_master_keys_are_read_in_the_spellings_people_use() -> None:
    secret = bytes(range(224, 256))
    plain, url = base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode()
    for text in (f"k1:{plain}", f" k1:{url.rstrip('=')} ,", f"k1: {plain}\n"):
        assert parse_master_keys(text) == [("k1", secret)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no master key"),
        (f"pepper:{encoded()}", "no master key"),
        ("k1", "Item 1"),
        (encoded(), "Item 1"),
        (f"k1:{encoded()},k1:{encoded()}", "Two master keys"),
        (f"k1:{encoded(16)}", "has 16 bytes"),
        ("k1:not base64!", "not base64"),
        (f"a b:{encoded()}", "Item 1"),
    ],
)
def test_master_keys_that_cannot_be_are_refused_without_repeating_them(text: str, message: str) -> None:
    with pytest.raises(SecretKeyInvalid, match=message) as refused:
        parse_master_keys(text)
    for part in text.replace(",", ":").split(":"):
        assert len(part) < 20 or part not in refused.value.detail


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new", secret_key=None)
    first = Vault.load(settings)
    path = settings.data_dir / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vault.load(settings).open(first.seal(b"x", **PLACE), **PLACE) == b"x"
    assert [p.name for p in settings.data_dir.iterdir()] == [KEY_FILE]
    path.chmod(0o640)
    with pytest.raises(SecretKeyInvalid) as refused:
        Vault.load(settings)
    assert refused.value.hint == f"Run: chmod 600 {path}"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=f"env:{encoded()}")  # pyright: ignore[reportArgumentType]
    assert Vault.load(settings).newest == "env"
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\nfrom patchbay.store.vault import read_key_file\npath = pathlib.Path(sys.argv[1])\n"
        "print('ready', flush=True)\nsys.stdin.readline()\nprint(read_key_file(path))"
    )
    path = tmp_path / "data" / KEY_FILE
    command = [sys.executable, "-c", script, str(path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    keys = [process.communicate("go\n")[0] for process in processes]
    assert len(set(keys)) == 1
    assert keys[0] == f"{read_key_file(path)}\n"
    assert [p.name for p in path.parent.iterdir()] == [KEY_FILE]


def test_a_key_added_by_another_process_is_picked_up(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=None)
    running = Vault.load(settings)
    before = running.keyed_hash(b"x")
    assert add_key(tmp_path / KEY_FILE) == "k2"
    sealed = Vault.load(settings).seal(b"secret", **PLACE)
    assert sealed.key_id == "k2"
    assert running.open(sealed, **PLACE) == b"secret"
    assert running.newest == "k2"
    assert running.keyed_hash(b"x") == Vault.load(settings).keyed_hash(b"x") == before


def test_a_directory_that_cannot_hold_the_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretKeyInvalid, match="cannot be used"):
        read_key_file(tmp_path / "file" / KEY_FILE)

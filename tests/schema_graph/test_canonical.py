"""Canonical JSON against RFC 8785 (its appendix B and section 3.2.3), and the seal on a frozen call."""

import json
import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.call import FORMAT_VERSION, CallInput, Caps, Column, FrozenCall, Output, SliceItem, SqlCall, Touch
from patchbay.schema_graph.canonical import CallTampered, NotCanonical, canonical_json, seal, sha256_hex, unseal

# The bits of a double and its ECMAScript text, as appendix B of the RFC lists them.
NUMBERS = [
    ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"), ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"), ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"), ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"), ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"), ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"), ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"), ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"), ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"), ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"), ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"), ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]  # fmt: skip

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text.encode()


def test_members_are_ordered_by_utf16_code_units() -> None:
    members = {"€": "Euro", "\r": "CR", "\ufb33": "dalet", "1": "One", "\U0001f600": "smile", "\x80": "control", "ö": "o"}
    assert list(json.loads(canonical_json(members))) == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]


def test_strings_escape_only_what_they_must() -> None:
    assert canonical_json('€$\x0f\nA\'B"\\\\"/\x7f\u2028') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028"'.encode()


def test_nested_values_have_no_white_space() -> None:
    assert canonical_json({"b": [], "a": {"d": None, "c": (True, False, 4.50, 2e-3)}, "e": {}}) == (
        b'{"a":{"c":[true,false,4.5,0.002],"d":null},"b":[],"e":{}}'
    )


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\udc00": 1}, {1: 2}, b"x", {1, 2}, object()]
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical_json([value])


@given(json_values)
def test_the_bytes_read_back_as_the_same_value_and_are_a_fixed_point(value: object) -> None:
    data = canonical_json(value)
    read = json.loads(data, parse_int=float)  # a JSON number is a double
    assert read == value
    assert canonical_json(read) == data


def _call() -> FrozenCall:
    column = Column("customers", "phone", "string", "text")
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id="con_1",
        kind="postgres",
        operation="customers.read",
        effect="read",
        body=SqlCall('SELECT "phone" FROM "public"."customers" WHERE "phone" = $1 LIMIT 6'),
        inputs=(CallInput("caller_phone", "phone", "string", "text", source="session", key="caller_number"),),
        outputs=(Output("phone", column),),
        touches=(Touch("customers", ("phone",)),),
        caps=Caps(),
        slice=(SliceItem("customers", ("phone",)),),
        slice_fingerprint="f" * 64,
    )


def test_a_sealed_call_opens_to_itself() -> None:
    sealed = seal(_call())
    assert sealed.digest == sha256_hex(sealed.document)
    assert unseal(sealed.document, sealed.digest) == _call()
    assert seal(unseal(sealed.document, sealed.digest)) == sealed


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = seal(_call())
    at = data.draw(st.integers(0, len(sealed.document) - 1))
    flipped = bytearray(sealed.document)
    flipped[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CallTampered):
        unseal(bytes(flipped), sealed.digest)


def test_a_digest_of_its_own_does_not_make_another_format_run() -> None:
    document = canonical_json(msgspec.to_builtins(msgspec.structs.replace(_call(), format_version=FORMAT_VERSION + 1)))
    with pytest.raises(CallTampered):
        unseal(document, sha256_hex(document))
    with pytest.raises(CallTampered):
        unseal(b"{}", sha256_hex(b"{}"))
    with pytest.raises(CallTampered):
        unseal(sealed_document := seal(_call()).document, "é" + sha256_hex(sealed_document)[1:])

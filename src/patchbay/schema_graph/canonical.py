"""Canonical JSON (RFC 8785, the JSON Canonicalization Scheme) and the seal on a frozen call.

The same value always gives the same bytes, so that a digest over them identifies it. Numbers are written as ECMAScript does
(RFC 8785, section 3.2.2.3), members are ordered by their UTF-16 code units (section 3.2.3), strings escape only what JSON must.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from json.encoder import encode_basestring  # escapes exactly the characters that section 3.2.2.2 has escaped
from typing import Any, cast

import msgspec

from patchbay.errors import Conflict
from patchbay.schema_graph.call import FORMAT_VERSION, FrozenCall, SealedCall

_LARGEST_EXACT = 2**53 - 1


class NotCanonical(ValueError):
    """The value has no canonical JSON form: not JSON at all, not finite, or a number that a double cannot hold."""


class CallTampered(Conflict):
    """The stored call does not match its digest, so it is not run; save its binding again."""

    code, title = "call_tampered", "Call does not match its digest"


def canonical_json(value: object) -> bytes:
    """The RFC 8785 bytes of a JSON value (dict, list, tuple, str, int, float, bool, None).

    Raises :class:`NotCanonical` for anything else, for NaN and infinities, for integers beyond 2**53 - 1 in size, and for
    strings that are not Unicode text (lone surrogates).
    """
    out: list[str] = []
    _write(value, out)
    try:
        return "".join(out).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds a lone surrogate") from error


def _write(value: object, out: list[str]) -> None:
    if isinstance(value, str):
        out.append(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        out.append("null" if value is None else "true" if value else "false")
    elif isinstance(value, (int, float)):
        out.append(_number(value))
    elif isinstance(value, dict):
        _write_object(cast("dict[Any, object]", value), out)
    elif isinstance(value, (list, tuple)):
        _write_array(cast("list[object]", value), out)
    else:
        raise NotCanonical(f"a {type(value).__name__} is not JSON")


def _write_object(members: dict[Any, object], out: list[str]) -> None:
    if not all(isinstance(name, str) for name in members):
        raise NotCanonical("a member name is not a string")
    mark = "{"
    for name in sorted(members, key=_utf16):
        out.append(mark + encode_basestring(name) + ":")
        _write(members[name], out)
        mark = ","
    out.append("}" if members else "{}")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _write_array(items: list[object], out: list[str]) -> None:
    mark = "["
    for item in items:
        out.append(mark)
        _write(item, out)
        mark = ","
    out.append("]" if items else "[]")


def _number(value: float) -> str:
    if isinstance(value, int):
        if abs(value) > _LARGEST_EXACT:
            raise NotCanonical("an integer beyond 2**53 - 1 is not exact in JSON; write it as a string")
        return str(value)
    if not math.isfinite(value):
        raise NotCanonical("a number is not finite")
    return _ecmascript(value)


def _ecmascript(value: float) -> str:
    """A finite double as ECMAScript's Number::toString writes it; Python's repr gives the same shortest digits."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) + int(exponent or 0) - leading
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{point - 1:+d}"
    return sign + digits[0] + (f".{digits[1:]}" if count > 1 else "") + power


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of ``data``, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def seal(call: FrozenCall) -> SealedCall:
    """The call's canonical bytes and the digest over them. Raises :class:`NotCanonical` for a constant JSON cannot hold."""
    document = canonical_json(msgspec.to_builtins(call))
    return SealedCall(document, sha256_hex(document))


def unseal(document: bytes, digest: str) -> FrozenCall:
    """The call in ``document``, after its bytes were found to match ``digest``. Raises :class:`CallTampered`."""
    if not hmac.compare_digest(sha256_hex(document).encode(), digest.encode()):
        raise CallTampered()
    try:
        call = msgspec.json.decode(document, type=FrozenCall)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CallTampered("The stored call cannot be read; save its binding again.") from error
    if call.format_version != FORMAT_VERSION:
        raise CallTampered("The stored call is of another format; save its binding again.")
    return call

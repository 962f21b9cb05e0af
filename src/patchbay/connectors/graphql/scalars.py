"""What custom scalars hold: by their name, by the specification they point to, and, failing that, by what they say of themselves.

A GraphQL schema says no more of a custom scalar than these. What stays unknown is text, the form most of them have in JSON.
"""

from __future__ import annotations

import re

import msgspec

from patchbay.schema_graph.model import FieldType


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """``wide``: integers of 64 bits or more. ``zoned``: times that carry a zone. ``upload``: a file, which JSON cannot carry."""

    type: FieldType
    zoned: bool = False
    wide: bool = False
    upload: bool = False


_TEXT = Scalar("string")
_ZONED = Scalar("datetime", zoned=True)
_UNZONED = Scalar("datetime")
_WIDE = Scalar("integer", wide=True)
_BUILT_IN = {
    "ID": _TEXT,
    "String": _TEXT,
    "Int": Scalar("integer"),
    "Float": Scalar("number"),
    "Boolean": Scalar("boolean"),
}

_NAMES: tuple[tuple[Scalar, str], ...] = (
    (_ZONED, "datetime datetimeiso datetimetz timestamptz iso8601datetime iso8601 rfc3339 rfc3339datetime "
             "precisedatetime gittimestamp instant zoneddatetime offsetdatetime utcdatetime datetimeutc awsdatetime isodate "
             "isodatetime formatteddatetime datetimeoffset time8601"),
    (_UNZONED, "localdatetime naivedatetime timestampwithouttimezone timestamp"),
    (Scalar("date"), "date localdate naivedate iso8601date isodateonly calendardate awsdate dateonly simpledate"),
    (Scalar("time"), "time localtime naivetime awstime timeonly timeofday"),
    (Scalar("time", zoned=True), "timetz offsettime"),
    (Scalar("duration"), "duration iso8601duration interval period"),
    (Scalar("decimal"), "decimal bigdecimal positivedecimal nonnegativedecimal numeric money moneyamount decimalstring bigfloat "
                        "unsigneddecimal"),
    (Scalar("uuid"), "uuid guid uuid4 uuidv4"),
    (Scalar("json"), "json jsonobject jsonb jsonscalar jsonvalue any genericscalar anyscalar map object record dict dictionary "
                     "struct hash untypedvalue arbitrary metadata anyvalue"),
    (_TEXT, "jsonstring awsjson uri url href html markdown email emailaddress awsemail phone phonenumber awsphone color "
            "hexcolorcode ipaddress ipv4 ipv6 awsipaddress cursor"),
    (_WIDE, "bigint long int64 uint64 unsignedint64 bigserial int8 safeint longint biginteger awstimestamp unixtimestamp epoch"),
    (Scalar("integer"), "int integer int32 int16 uint uint32 uint16 unsignedint short byte smallint positiveint nonnegativeint "
                        "nonpositiveint negativeint year port"),
    (Scalar("number"), "float double float64 float32 number real float8 latitude longitude positivefloat nonnegativefloat "
                       "unsignedfloat percentage"),
    (Scalar("boolean"), "bool boolean"),
    (Scalar("bytes"), "base64 base64string bytes binary blob bytea bytestring"),
    (Scalar("string", upload=True), "upload file fileupload"),
)  # fmt: skip
_BY_NAME = {name: scalar for scalar, names in _NAMES for name in names.split()}
_BY_DOCUMENT: dict[str, Scalar] = {
    "rfc3339": _ZONED, "rfc9557": _ZONED, "rfc4122": Scalar("uuid"), "rfc9562": Scalar("uuid"), "rfc8259": Scalar("json"),
    "rfc7159": Scalar("json"), "rfc4627": Scalar("json"), "ecma-404": Scalar("json"), "rfc4648": Scalar("bytes"),
}  # fmt: skip
_NO_WORD = re.compile(r"[^a-z0-9]+")
_INTEGER = re.compile(r"\b(?:integers?|whole numbers?)\b", re.IGNORECASE)
_AS_TEXT = re.compile(r"\b(?:strings?|text|encoded)\b", re.IGNORECASE)


def read_scalar(name: str, specified_by: str | None = None, description: str | None = None) -> Scalar:
    """What the scalar ``name`` holds. ``specified_by`` is the URL of ``@specifiedBy`` (GraphQL specification, 3.13.4)."""
    built_in = _BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    known = _BY_NAME.get(_plain(name))
    if known is None and specified_by:
        known = _by_document(specified_by)
    if known is None and description and _INTEGER.search(description) and not _AS_TEXT.search(description):
        known = Scalar("integer")
    return known or _TEXT


def _plain(name: str) -> str:
    return _NO_WORD.sub("", name.lower())


def _by_document(url: str) -> Scalar | None:
    """By the last part of the URL: an RFC's number, or the name of a scalar in a collection of them."""
    last = url.rstrip("/").rpartition("/")[2].partition("#")[0].lower().removesuffix(".html").removesuffix(".txt")
    return _BY_DOCUMENT.get(last) or _BY_NAME.get(_plain(last))

"""What makes a kind of an organization's own a provider: where its system is, how it is described, how it is entered.

``definition`` in a connect body; kept with the connection (without any secret) and outliving a disconnect, so that a later
connect may leave it out. Reading is strict and finds everything that is wrong in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

import msgspec

from patchbay.connectors.authorities import read_authorities
from patchbay.connectors.http.header_fields import TOKEN, may_be_set
from patchbay.connectors.members import Members, Unreadable, text
from patchbay.egress.urls import BadUrl, read_url
from patchbay.errors import Finding

SystemType = Literal["postgres", "mysql", "rest", "graphql"]
Scheme = Literal["none", "api_key", "basic", "bearer", "oauth2_client_credentials", "oauth2_authorization_code"]
Location = Literal["header", "query", "cookie"]
ClientAuth = Literal["basic", "post"]

INLINE_MOST = 1_000_000
"""Characters of a document that is sent along; a larger one is uploaded or fetched."""
HEADERS_MOST = 20
READS_MOST = 500

_METHODS = ("GET", "HEAD", "POST")
_ELSEWHERE = frozenset({"authorization", "cookie", "content-type"})
"""Header fields that come from the authorization and the request."""


class _Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Base of a definition's parts: camelCase in JSON, defaults left out."""


class DocumentRef(_Part, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Where the document that describes a system is: exactly one member is set. ``inline`` is its text."""

    url: str | None = None
    file_id: str | None = None
    inline: str | None = None


class Auth(_Part, frozen=True, omit_defaults=True, kw_only=True):
    """How requests are authorized; the secrets are credentials. ``place``, ``name`` and ``prefix`` are an API key's.

    ``issuer`` is what an authorization server calls itself when it sends a browser back (RFC 9207); given, it must do so.
    ``parameters`` are further members of the authorization request, as some providers want them (``access_type``).
    """

    scheme: Scheme = "none"
    place: Location = msgspec.field(name="in", default="header")
    name: str | None = None
    prefix: str | None = None
    token_url: str | None = msgspec.field(name="tokenUrl", default=None)
    authorization_url: str | None = msgspec.field(name="authorizationUrl", default=None)
    revocation_url: str | None = msgspec.field(name="revocationUrl", default=None)
    scopes: tuple[str, ...] = ()
    client_auth: ClientAuth = msgspec.field(name="clientAuth", default="basic")
    issuer: str | None = None
    parameters: Mapping[str, str] = {}

    @property
    def tokens(self) -> bool:
        """Whether requests are signed with tokens that are fetched, not with the stored secrets."""
        return self.scheme in ("oauth2_client_credentials", "oauth2_authorization_code")

    @property
    def interactive(self) -> bool:
        """Whether a person has to agree in a browser first."""
        return self.scheme == "oauth2_authorization_code"


class Verify(_Part, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The request that proves the credentials. ``expect`` is the status it answers with; None: any success (2xx). Of a GraphQL
    API it may be a ``query``, which has to be answered without errors.
    """

    method: str = "GET"
    path: str = "/"
    expect: int | None = None
    query: str | None = None


class Account(_Part, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Where the account's own name is told: ``label`` are dotted places in a JSON answer, of which the first that holds a text
    counts. It is the answer to a GET of ``path`` or to a ``query``; without either, to the verification request.
    """

    label: tuple[str, ...]
    path: str | None = None
    query: str | None = None


class Definition(_Part, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A provider of an organization's own. ``reads`` names operations that only read although their method says otherwise: a
    person's word, never a guess. ``ca_pem`` are the certificates of a private authority, as PEM.
    """

    type: SystemType
    display_name: str
    base_url: str | None = None
    document: DocumentRef | None = None
    auth: Auth = Auth()
    headers: Mapping[str, str] = {}
    verify: Verify | None = None
    account: Account | None = None
    reads: tuple[str, ...] = ()
    ca_pem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The wire form: the members that differ from their defaults, camelCase."""
        return msgspec.to_builtins(self)


def stored_definition(raw: Mapping[str, Any] | None) -> Definition | None:
    """A definition as :meth:`Definition.to_json` wrote it."""
    return None if raw is None else msgspec.convert(raw, Definition)


_COMMON = ("type", "displayName")
_HTTP = ("document", "baseUrl", "auth", "headers", "verify", "account", "reads", "caPem")
_AUTH = (
    "scheme", "in", "name", "prefix", "tokenUrl", "authorizationUrl", "revocationUrl", "scopes", "clientAuth", "issuer",
    "parameters",
)  # fmt: skip
_PARAMETERS_MOST = 20
_OWN_PARAMETERS = frozenset({
    "client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state",
})  # fmt: skip
"""Members of an authorization request that are not a definition's to set."""


def parse_definition(raw: Any, findings: list[Finding]) -> Definition | None:
    """The definition in a body, or None with what is wrong added to ``findings`` (fields start with ``definition.``)."""
    members = Members.of(raw, "definition", findings)
    if members is None:
        return None
    kind = members.one_of("type", get_args(SystemType), required=True)
    display_name = members.read("displayName", lambda value: text(value, most=100), required=True)
    http = kind in ("rest", "graphql")
    members.refuse_unknown((*_COMMON, *_HTTP) if http or kind is None else _COMMON)
    base_url = members.read("baseUrl", _base_url if kind == "graphql" else _root_url, required=http) if http else None
    document = _document(members, required=kind == "rest") if http else None
    auth = (_auth(members.inside("auth")) if http else None) or Auth()
    headers = (members.read("headers", _headers) if http else None) or {}
    verify = _verify(members.inside("verify"), query=kind == "graphql") if http else None
    account = _account(members.inside("account"), query=kind == "graphql") if http else None
    reads = (members.read("reads", _reads) if http else None) or ()
    ca_pem = members.read("caPem", read_authorities) if http else None
    if not members.sound or kind is None or display_name is None:
        return None
    return Definition(
        type=cast("SystemType", kind),
        display_name=display_name,
        base_url=base_url,
        document=document,
        auth=auth,
        headers=headers,
        verify=verify,
        account=account,
        reads=reads,
        ca_pem=ca_pem,
    )


def _document(members: Members, *, required: bool) -> DocumentRef | None:
    given = members.inside("document", required=required)
    if given is None:
        return None
    given.refuse_unknown(("url", "fileId", "inline"))
    named = [name for name in ("url", "fileId", "inline") if given.raw.get(name) is not None]
    if len(named) != 1:
        given.refuse("", "document_ambiguous", "A document is given by exactly one of url, fileId and inline.")
        return None
    ref = DocumentRef(
        url=given.read("url", _url),
        file_id=given.read("fileId", lambda value: text(value, most=100)),
        inline=given.read("inline", _inline),
    )
    return ref if given.sound else None


def _auth(members: Members | None) -> Auth | None:
    if members is None:
        return None
    members.refuse_unknown(_AUTH)
    scheme = members.one_of("scheme", get_args(Scheme), required=True)
    oauth = Auth(scheme=cast("Scheme", scheme or "none")).tokens
    code = scheme == "oauth2_authorization_code"
    made = Auth(
        scheme=cast("Scheme", scheme or "none"),
        place=cast("Location", members.one_of("in", get_args(Location)) or "header"),
        name=members.read("name", _header_name, required=scheme == "api_key"),
        prefix=members.read("prefix", lambda value: text(value, most=50)),
        token_url=members.read("tokenUrl", _url, required=oauth),
        authorization_url=members.read("authorizationUrl", _url, required=code),
        revocation_url=members.read("revocationUrl", _url),
        scopes=members.read("scopes", _scopes) or (),
        client_auth=cast("ClientAuth", members.one_of("clientAuth", get_args(ClientAuth)) or "basic"),
        issuer=members.read("issuer", lambda value: text(value, most=500)),
        parameters=members.read("parameters", _parameters) or {},
    )
    return made if members.sound else None


def _verify(members: Members | None, *, query: bool) -> Verify | None:
    if members is None:
        return None
    if query and "query" in members.raw:
        members.refuse_unknown(("query",))
        asked = members.read("query", lambda value: text(value, most=1_000), required=True)
        return Verify(query=asked) if members.sound else None
    members.refuse_unknown(("method", "path", "expect"))
    made = Verify(
        method=members.one_of("method", _METHODS) or "GET",
        path=members.read("path", _path, required=True) or "/",
        expect=members.read("expect", _status),
    )
    return made if members.sound else None


def _account(members: Members | None, *, query: bool) -> Account | None:
    if members is None:
        return None
    members.refuse_unknown(("label", "query" if query else "path"))
    label = members.read("label", _places, required=True)
    made = Account(
        label=label or (),
        path=None if query else members.read("path", _path),
        query=members.read("query", lambda value: text(value, most=1_000)) if query else None,
    )
    return made if members.sound else None


def _url(value: Any) -> str:
    try:
        return read_url(text(value, most=2_000)).text
    except BadUrl as bad:
        raise Unreadable("url_invalid", f"This URL cannot be used: {bad}.", "Such as https://api.example.com/v1.") from None


def _base_url(value: Any) -> str:
    url = _url(value)
    if "?" in url or "#" in value:
        raise Unreadable("url_invalid", "A base URL has neither query nor fragment.", "Such as https://api.example.com/v1.")
    return url


def _root_url(value: Any) -> str:
    """What paths are put behind. A GraphQL endpoint keeps its last slash: it is asked as it stands."""
    return _base_url(value).rstrip("/")


def _inline(value: Any) -> str:
    """A document's text; an object is taken as JSON."""
    written = msgspec.json.encode(value).decode() if isinstance(value, dict) else value
    if not isinstance(written, str) or not written.strip():
        raise Unreadable("type", "This must be the document's text, or the document as an object.")
    if len(written) > INLINE_MOST:
        raise Unreadable("too_long", f"At most {INLINE_MOST:,} characters.", "Upload it with POST /uploads and send its fileId.")
    return written


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Unreadable("type", "This must be an object of texts.")
    given = cast("dict[str, Any]", value)
    if len(given) > HEADERS_MOST:
        raise Unreadable("too_many", f"At most {HEADERS_MOST} headers.")
    for name in given:
        if not may_be_set(name) or name.casefold() in _ELSEWHERE:
            raise Unreadable("header_invalid", f"{name[:64]!r} is not a header that can be set here.", "Secrets go into auth.")
    return {name: text(content, most=1_000) for name, content in given.items()}


def _parameters(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(cast("dict[str, Any]", value)) > _PARAMETERS_MOST:
        raise Unreadable("type", f"This must be an object of at most {_PARAMETERS_MOST} texts.")
    given = cast("dict[str, Any]", value)
    for name in given:
        if not TOKEN.fullmatch(name) or name in _OWN_PARAMETERS:
            raise Unreadable("parameter_invalid", f"{name[:64]!r} is not a parameter that can be set here.")
    return {name: text(content, most=500) for name, content in given.items()}


def _header_name(value: Any) -> str:
    name = text(value, most=100)
    if not TOKEN.fullmatch(name):
        raise Unreadable("name_invalid", "This is no name of a header, query parameter or cookie.")
    return name


def _path(value: Any) -> str:
    path = text(value, most=1_000)
    if not path.startswith("/") or path.startswith("//") or "\\" in path or ".." in path.split("?", 1)[0].split("/"):
        raise Unreadable("path_invalid", "A path starts with one '/' and stays below the base URL.", "Such as /me.")
    return path


def _places(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not 0 < len(cast("list[Any]", value)) <= 10:
        raise Unreadable("type", "This must be a list of 1 to 10 places in the answer.", "Such as account.name.")
    return tuple(text(item, most=200) for item in cast("list[Any]", value))


def _status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise Unreadable("status_invalid", "This must be an HTTP status such as 200.")
    return value


def _scopes(value: Any) -> tuple[str, ...]:
    items = cast("list[Any]", value.split()) if isinstance(value, str) else cast("list[Any]", value)
    if not isinstance(items, list) or len(items) > 100:
        raise Unreadable("type", "This must be a list of scopes.")
    return tuple(text(item, most=300) for item in items)


def _reads(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) > READS_MOST:
        raise Unreadable("type", f"This must be a list of at most {READS_MOST} operation names.")
    return tuple(text(item, most=400) for item in cast("list[Any]", value))

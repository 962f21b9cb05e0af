"""What the files of a pack hold. Every struct refuses members it does not know; ``docs/packs.md`` describes them for authors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from patchbay.schema_graph.call import VerificationLevel
from patchbay.schema_graph.model import Effect

Category = Literal["calendar", "spreadsheet", "commerce", "payments", "field_service", "crm", "database"]
SettingType = Literal[
    "string", "integer", "number", "boolean", "time_zone", "country", "working_hours", "columns", "object", "list"
]  # fmt: skip

Slug = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Version = Annotated[str, Meta(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")]
_Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
_Title = Annotated[str, Meta(min_length=1, max_length=100)]


class _Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a pack's parts: camelCase in the files."""


class Entry(_Part, frozen=True, kw_only=True):
    """One thing that connect's ``credentials`` hold. ``pattern`` is a regular expression that the whole value matches."""

    name: Slug
    label: _Title
    secret: bool = False
    required: bool = True
    pattern: str | None = None
    help: str | None = None


class OAuthApp(_Part, frozen=True, kw_only=True):
    """How a person agrees in the browser. ``app`` names the operator's client: ``PATCHBAY_OAUTH__<APP>__CLIENT_ID``."""

    app: Slug
    authorization_url: str
    token_url: str
    revocation_url: str | None = None
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    client_auth: Literal["basic", "post"] = "basic"
    issuer: str | None = None


class Connect(_Part, frozen=True, kw_only=True):
    """How to connect. ``base_url`` and ``account_label`` may name fields that are no secret, in braces. ``auth``, ``headers``,
    ``verify``, ``account`` and ``reads`` are those of a definition (``connectors/definition.py``); ``secrets`` says which field,
    or which text that names fields in braces, is which of its credentials. A built-in kind (a database) has nothing but its
    ``type``.
    """

    type: Literal["rest", "graphql", "postgres", "mysql"]
    fields: tuple[Entry, ...] = ()
    base_url: str | None = None
    auth: Mapping[str, Any] = {}
    oauth: OAuthApp | None = None
    secrets: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    verify: Mapping[str, Any] | None = None
    account: Mapping[str, Any] | None = None
    reads: tuple[str, ...] = ()
    account_label: str | None = None


class Install(_Part, frozen=True, kw_only=True):
    """How an install that begins in the provider's own app store goes on (:mod:`patchbay.connectors.installs`). ``account`` is
    the field that names the account, and the query's own name for it; ``token`` is the field that holds what the provider
    gives. The URLs may name ``account`` in braces.
    """

    app: Slug
    account: Slug
    token: Slug
    authorization_url: str
    token_url: str
    scopes: tuple[str, ...] = ()


class Identity(_Part, frozen=True, kw_only=True):
    """``pack.yaml``: who the provider is and how to connect. ``scoping`` is the data scoping a new connection begins with.
    ``alike`` names a pack whose presets and guidance are this one's too.
    """

    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    version: _Version
    name: _Title
    category: Category
    description: _Text
    connect: Connect
    logo: Slug | None = None
    scoping: Mapping[str, Any] = {}
    install: Install | None = None
    alike: str | None = None


class Setting(_Part, frozen=True, kw_only=True):
    """One thing an operator decides. Without a ``default`` it has to be given before the skill can run."""

    name: Annotated[str, Meta(pattern=r"^[a-z][A-Za-z0-9]{0,63}$")]
    label: _Title
    type: SettingType
    description: _Text | None = None
    default: Any = msgspec.UNSET

    @property
    def needed(self) -> bool:
        """Whether it has to be given."""
        return self.default is msgspec.UNSET


class Asked(_Part, frozen=True, kw_only=True):
    """A parameter of a recipe's tool as the list of actions shows it."""

    name: str
    description: str | None = None
    required: bool = False


class Action(_Part, frozen=True, kw_only=True):
    """Something a provider can do for an agent: a ``binding``, or a ``recipe`` with its ``parts`` and ``settings``. A preset
    may name an ``action`` instead, or the ``goal`` that a binding is proposed for.

    ``key`` ones are provisioned when a request names none. ``verification`` is the level the skill begins with.
    """

    slug: Slug
    name: _Title
    description: _Text
    key: bool = True
    effect: Effect = "read"
    configuration: tuple[Setting, ...] = ()
    binding: Mapping[str, Any] | None = None
    recipe: str | None = None
    settings: Mapping[str, Any] = {}
    parts: Mapping[str, Mapping[str, Any]] = {}
    parameters: tuple[Asked, ...] = ()
    verification: VerificationLevel = "none"
    allowed_fields: tuple[str, ...] | None = None
    requires_confirmation: bool | None = None
    stakes: Literal["low", "medium", "high"] | None = None


class Preset(_Part, frozen=True, kw_only=True):
    """A ready skill of the Connector Pack: an ``action`` with its ``configuration``, or the ``goal`` that a binding is proposed
    for in the discovered schema, where a table is called by one of the words it is ``about`` (singular, small letters).
    """

    slug: Slug
    name: _Title
    description: _Text
    action: Slug | None = None
    configuration: Mapping[str, Any] = {}
    goal: _Text | None = None
    about: tuple[str, ...] = ()


class Guidance(_Part, frozen=True, kw_only=True):
    """What whoever builds an agent on the provider should know, in sentences."""

    behaviour: tuple[_Text, ...] = ()
    identifying_callers: tuple[_Text, ...] = ()
    not_possible: tuple[_Text, ...] = ()


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. ``document`` is the text of its API document, None for a built-in kind."""

    identity: Identity
    actions: tuple[Action, ...] = ()
    presets: tuple[Preset, ...] = ()
    guidance: Guidance | None = None
    document: str | None = None

    @property
    def kind(self) -> str:
        """The provider's kind."""
        return self.identity.kind

    @property
    def has_pack(self) -> bool:
        """Whether there is a Connector Pack: presets, guidance, or both."""
        return bool(self.presets) or self.guidance is not None

    def action(self, slug: str) -> Action | None:
        """The action of a slug."""
        return next((one for one in self.actions if one.slug == slug), None)


class Expected(_Part, frozen=True, kw_only=True):
    """A request that a fixture expects. ``json`` and ``query`` are compared whole, ``partial`` only in the members it has."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    json: Any = None
    partial: Any = None
    headers: Mapping[str, str] = {}


class Answer(_Part, frozen=True, kw_only=True):
    """What a fixture's provider answers."""

    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = {}


class Exchange(_Part, frozen=True, kw_only=True):
    """One request and its answer."""

    expect: Expected
    answer: Answer


class Fixture(_Part, frozen=True, kw_only=True):
    """One run of an action: what it is given, what it asks the provider, what comes of it: ``rows``, or a ``refused`` code."""

    action: Slug
    about: str
    configuration: Mapping[str, Any] = {}
    arguments: Mapping[str, Any] = {}
    session: Mapping[str, Any] = {}
    verified: Mapping[str, Any] = {}
    now: str | None = None
    time_zone: str = "America/New_York"
    requests: tuple[Exchange, ...] = ()
    rows: tuple[Mapping[str, Any], ...] | None = None
    refused: str | None = None


class Fixtures(_Part, frozen=True, kw_only=True):
    """``fixtures.yaml``. ``connect`` is a body of connect."""

    connect: Mapping[str, Any] = {}
    exchanges: tuple[Fixture, ...] = ()

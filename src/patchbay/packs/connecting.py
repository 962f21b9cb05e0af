"""From what a person enters for a provider to what the connectors take: its definition, and the credentials of that.

A definition's origins can be sent to a stand-in by the operator (``PATCHBAY_STAND_INS``): a provider's sandbox, or a test server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from patchbay.connectors.definition import parse_definition
from patchbay.connectors.oauth.refusals import IntegrationUnavailable
from patchbay.connectors.provided import Provided
from patchbay.egress.urls import read_url
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.packs.filling import NAMED
from patchbay.packs.model import Pack
from patchbay.settings import Settings

_SETTINGS_ONLY = frozenset({"timeZone", "defaultCountry"})
_LONGEST = 2_000


def provided_for(pack: Pack, body: Mapping[str, Any], settings: Settings, *, again: bool) -> Provided | None:
    """What connecting the provider with ``body`` means; None where the body changes settings alone (``again``: of what is
    connected).

    Raises ValidationFailed, or IntegrationUnavailable where the operator has set up no OAuth client for it.
    """
    connect = pack.identity.connect
    if "definition" in body:
        message = f"{pack.identity.name} is curated and takes no definition."
        raise ValidationFailed("The connection is not valid.", errors=[Finding("definition", "definition_unused", message)])
    given = body.get("credentials")
    if again and given is None and body and body.keys() <= _SETTINGS_ONLY:
        return None
    if connect.oauth is not None:
        credentials = _client_of(pack, settings)
        fields: dict[str, str] = {}
        if given not in (None, {}):
            message = "A person agrees in the browser; there are no credentials to send."
            raise ValidationFailed("The connection is not valid.", errors=[Finding("credentials", "credentials_unused", message)])
    else:
        fields = _fields(pack, given)
        credentials = {name: text for name, made_of in connect.secrets.items() if (text := _secret(made_of, fields)) is not None}
    open_ones = {field.name: fields[field.name] for field in connect.fields if not field.secret and field.name in fields}
    findings: list[Finding] = []
    definition = parse_definition(_definition(pack, open_ones, settings), findings)
    if definition is None or findings:
        raise ValidationFailed("The connection is not valid.", errors=findings)
    label = _named(connect.account_label, open_ones) if connect.account_label else pack.identity.name
    return Provided(
        definition=definition,
        credentials=credentials,
        label=label,
        scoping=pack.identity.scoping,
        version=pack.identity.version,
    )


def draft_definition(pack: Pack) -> dict[str, Any]:
    """The definition with an example in every field, to see whether it is one."""
    examples = {field.name: "example" for field in pack.identity.connect.fields}
    return _definition(pack, examples, None)


def missing_settings(pack: Pack, settings: Settings) -> tuple[str, ...]:
    """The environment variables that the operator has still to set before this provider can be connected."""
    oauth = pack.identity.connect.oauth
    if oauth is None:
        return ()
    app = settings.oauth.get(oauth.app)
    names = [f"PATCHBAY_OAUTH__{oauth.app.upper()}__{member}" for member in ("CLIENT_ID", "CLIENT_SECRET")]
    lacking = names if app is None else []
    return (*lacking, *(() if settings.public_url else ("PATCHBAY_PUBLIC_URL",)))


def _client_of(pack: Pack, settings: Settings) -> dict[str, str]:
    oauth = pack.identity.connect.oauth
    assert oauth is not None
    app = settings.oauth.get(oauth.app)
    if app is None:
        lacking = missing_settings(pack, settings)
        raise IntegrationUnavailable(
            f"{pack.identity.name} cannot be connected yet: its OAuth client is not set up here (integration_unavailable).",
            hint=f"Whoever operates this Patchbay sets {', '.join(lacking)}.",
        )
    return {"clientId": app.client_id, "clientSecret": app.client_secret.get_secret_value()}


def _fields(pack: Pack, given: Any) -> dict[str, str]:
    """The fields that were entered. Raises ValidationFailed with everything that is wrong with them."""
    wanted = {field.name: field for field in pack.identity.connect.fields}
    if given is None and wanted:
        hint = f"Send {', '.join(name for name, field in wanted.items() if field.required)}."
        raise ValidationFailed(
            "The connection is not valid.", errors=[Finding("credentials", "required", "credentials is needed.", hint)]
        )
    if not isinstance(given or {}, Mapping):
        raise ValidationFailed(
            "The connection is not valid.", errors=[Finding("credentials", "type", "credentials must be an object.")]
        )
    sent = cast("Mapping[str, Any]", given or {})
    findings = [
        Finding(f"credentials.{name[:64]}", "unknown_field", f"There is no field {name[:64]!r}.", did_you_mean(name[:64], wanted))
        for name in sent
        if name not in wanted
    ]
    found: dict[str, str] = {}
    for name, field in wanted.items():
        value = sent.get(name)
        if value is None:
            if field.required:
                findings.append(Finding(f"credentials.{name}", "required", f"{name} is needed.", field.help))
        elif not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST:
            findings.append(Finding(f"credentials.{name}", "type", f"This must be a text of 1 to {_LONGEST} characters."))
        elif field.pattern is not None and not re.fullmatch(field.pattern, value.strip()):
            message = f"This does not look like the {field.label.lower()}."
            findings.append(Finding(f"credentials.{name}", "pattern", message, field.help))
        else:
            found[name] = value.strip()
    if findings:
        raise ValidationFailed("The connection is not valid.", errors=findings)
    return found


def fields_of_secret(made_of: str) -> list[str]:
    """The fields that a credential is made of: the one of that name, or those that a text names in braces."""
    return NAMED.findall(made_of) or [made_of]


def _secret(made_of: str, fields: Mapping[str, str]) -> str | None:
    """A credential of the scheme; None while a field that it is made of is left out."""
    if not all(name in fields for name in fields_of_secret(made_of)):
        return None
    return _named(made_of, fields) if NAMED.search(made_of) else fields[made_of]


def _definition(pack: Pack, fields: Mapping[str, str], settings: Settings | None) -> dict[str, Any]:
    """The definition as a person would have written it, at the operator's stand-in where there is one."""
    connect = pack.identity.connect
    raw: dict[str, Any] = {
        "type": connect.type,
        "displayName": pack.identity.name,
        "baseUrl": _named(connect.base_url or "", fields),
        "auth": dict(connect.auth),
    }
    if connect.oauth is not None:
        oauth = msgspec.to_builtins(connect.oauth)
        del oauth["app"]
        raw["auth"] = {"scheme": "oauth2_authorization_code", **oauth, "scopes": list(connect.oauth.scopes)}
    if pack.document is not None:
        raw["document"] = {"inline": pack.document}
    told = (
        ("headers", connect.headers),
        ("verify", connect.verify),
        ("account", connect.account),
        ("reads", list(connect.reads)),
    )
    for name, value in told:
        if value:
            raw[name] = value
    return raw if settings is None else _stood_in(raw, settings)


def stood_in(url: str, settings: Settings) -> tuple[str, str | None]:
    """The URL, at the operator's stand-in for its origin where there is one, and the PEM of that one's authority."""
    origin = read_url(url).origin
    stand_in = settings.stand_ins.get(origin)
    if stand_in is None:
        return url, None
    authority = stand_in.ca_file.read_text("utf-8") if stand_in.ca_file is not None else None
    return stand_in.origin.rstrip("/") + url[len(origin) :], authority


def _stood_in(raw: dict[str, Any], settings: Settings) -> dict[str, Any]:
    raw["baseUrl"], authority = stood_in(raw["baseUrl"], settings)
    for name in ("tokenUrl", "authorizationUrl", "revocationUrl"):
        if name in raw["auth"]:
            raw["auth"][name], found = stood_in(raw["auth"][name], settings)
            authority = authority or found
    return raw if authority is None else {**raw, "caPem": authority}


def _named(text: str, fields: Mapping[str, str]) -> str:
    return NAMED.sub(lambda found: fields[found[1]], text)

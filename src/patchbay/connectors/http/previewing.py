"""What an HTTP call would send, shown with every secret masked; a read is also made, and its first records shown."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

import msgspec

from patchbay.connectors.http.assembling import base_of, own_headers, request_headers, signed_url
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.signing import NAMES, signature_of
from patchbay.connectors.preview import Preview, PreviewOptions, PreviewRefused
from patchbay.connectors.system import Ready, Source
from patchbay.schema_graph.call import CallContext, FrozenCall, HttpCall
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.naming import split_words

MASK = "[masked]"
ROWS = 3
"""Records of a read that a preview shows at most."""
_SHORT = 4
"""A secret of fewer characters is found everywhere; it is masked only where it is a whole value."""
_TELLING = frozenset({
    "auth", "authorization", "cookie", "credential", "credentials", "key", "password", "secret", "session", "signature", "token",
})  # fmt: skip
_SENT_NOT = "Nothing was sent: this is the request that a call makes."
_TOKENS = "The token is got when the call is made."
_json = msgspec.json.Encoder().encode


async def preview_call(
    call: FrozenCall,
    ready: Ready,
    context: CallContext,
    credentials: HttpCredentials,
    source: Source,
    options: PreviewOptions,
) -> Preview:
    """The preview of ``call``. ``source`` is closed in the end. Raises PreviewRefused for a write that is to be executed."""
    try:
        zone = zone_info(context.time_zone)
        if call.effect == "write":
            if options.execute:
                raise PreviewRefused(
                    "A write over HTTP cannot be undone, so a preview does not execute it (preview_refused).",
                    hint="Leave execute out: the preview shows the exact request.",
                )
            request = shown_request(call, ready.values(context, zone), credentials)
            notes = (_SENT_NOT, _TOKENS) if credentials.auth.tokens else (_SENT_NOT,)
            return Preview(effect="write", executed=False, request=request, notes=notes)
        return await _read(call, ready, context, zone, credentials, source)
    finally:
        await source.close()


async def _read(
    call: FrozenCall, ready: Ready, context: CallContext, zone: ZoneInfo, credentials: HttpCredentials, source: Source
) -> Preview:
    loop = asyncio.get_running_loop()
    started = loop.time()
    values = ready.values(context, zone)
    request = shown_request(call, values, credentials)
    answer = await ready.run(source, values, started + ready.seconds)
    elapsed = (loop.time() - started) * 1000
    result = ready.result(source, answer, zone_name=context.time_zone, zone=zone, duration_ms=elapsed)
    return Preview(effect="read", executed=True, request=request, result=result)


def few_rows(call: FrozenCall) -> FrozenCall:
    """The call with as few records as a preview shows."""
    return msgspec.structs.replace(call, caps=msgspec.structs.replace(call.caps, rows=min(call.caps.rows, ROWS)))


def shown_request(call: FrozenCall, request: Request, credentials: HttpCredentials) -> dict[str, Any]:
    """``{method, url, headers, body}`` as they are sent, with secrets masked; of GraphQL ``{document, operationName, variables}``
    too.
    """
    mask = _Mask(credentials)
    server = call.body.server if isinstance(call.body, HttpCall) else None
    url = signed_url(base_of(server or credentials.base_url), request.target, mask.signature)
    own = own_headers({name: mask.header(name, value) for name, value in credentials.headers.items()}, mask.signature)
    headers = {name: mask.text(value) for name, value in request_headers(request, own).items()}
    shown: dict[str, Any] = {
        "method": request.method,
        "url": mask.text(url.text).replace(quote(MASK, safe=""), MASK),
        "headers": headers,
        "body": None if request.body is None else mask.text(request.body.decode("utf-8", "replace")),
    }
    if not isinstance(call.body, HttpCall) and request.body is not None:
        sent = msgspec.json.decode(request.body)
        shown |= {
            "document": sent["query"],
            "operationName": sent["operationName"],
            "variables": msgspec.json.decode(mask.text(_json(sent["variables"]).decode())),
        }
    return shown


class _Mask:
    """Hides what a connection's credentials are, wherever it stands; ``signature`` is the masked one."""

    def __init__(self, credentials: HttpCredentials) -> None:
        secrets = {value for name, value in credentials.secrets.items() if name not in NAMES and value}
        if credentials.auth.tokens:
            self.signature = Signature(headers={"Authorization": f"Bearer {MASK}"})
        else:
            made = signature_of(credentials.auth, credentials.secrets)
            secrets |= {*made.query.values(), *made.cookies.values(), *made.headers.values()}
            secrets |= {value.rpartition(" ")[2] for value in made.headers.values()}
            self.signature = Signature(
                headers={name: _after_scheme(value) for name, value in made.headers.items()},
                query=dict.fromkeys(made.query, MASK),
                cookies=dict.fromkeys(made.cookies, MASK),
            )
        secrets |= {value for name, value in credentials.headers.items() if _is_telling(name)}
        self._spellings = sorted({one for secret in secrets for one in _spellings(secret)}, key=len, reverse=True)

    def header(self, name: str, value: str) -> str:
        """A header of the definition; one whose name says that it holds a secret is masked whole."""
        return MASK if _is_telling(name) else value

    def text(self, text: str) -> str:
        """``text`` without any secret in it, however it is written there."""
        for spelling in self._spellings:
            text = text.replace(spelling, f'"{MASK}"' if spelling[:1] == '"' == spelling[-1:] else MASK)
        return text


def _spellings(secret: str) -> set[str]:
    """A secret as it stands in JSON, in a URL, in a form, and as it is put into Base64."""
    in_json = _json(secret).decode()
    if len(secret) < _SHORT:
        return {in_json}
    return {
        secret,
        in_json[1:-1],
        quote(secret, safe=""),
        quote(secret, safe="!$&'()*+,;=:@/?-._~"),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }


def _after_scheme(value: str) -> str:
    """``Bearer x`` and ``Basic x`` keep their scheme."""
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space and scheme.isalpha() else MASK


def _is_telling(name: str) -> bool:
    words = split_words(name)
    return not _TELLING.isdisjoint(words) or any(word in ("apikey", "accesstoken", "authtoken") for word in words)

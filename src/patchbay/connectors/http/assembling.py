"""A request as it is sent: under its base URL, with the definition's headers and what authorizes it."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.signing import with_signature
from patchbay.connectors.refusals import SourceUnavailable
from patchbay.egress.urls import BadUrl, Url, read_url

ACCEPT = {"Accept": "application/json"}


def base_of(text: str) -> Url:
    """The base URL in a definition, without a query. Raises SourceUnavailable for one that cannot be asked."""
    try:
        url = read_url(text)
    except BadUrl:
        raise SourceUnavailable from None
    return Url(url.scheme, url.host, url.port, url.target.partition("?")[0])


def signed_url(at: Url, target: str, signature: Signature) -> Url:
    """Where a request goes: its path and query below the base URL, with the signature's query parameters."""
    target = with_signature(target, signature)
    below = at.target.rstrip("/") + target if target.startswith("/") else at.target + target
    return Url(at.scheme, at.host, at.port, below)


def own_headers(fixed: Mapping[str, str], signature: Signature) -> dict[str, str]:
    """The headers that no value of a call can replace: the definition's, then what authorizes the request."""
    cookies = "; ".join(f"{name}={value}" for name, value in signature.cookies.items())
    return {**fixed, **signature.headers, **({"Cookie": cookies} if cookies else {})}


def request_headers(request: Request, own: Mapping[str, str]) -> dict[str, str]:
    """All headers of a request: its own, under those of :func:`own_headers`."""
    headers = without(ACCEPT | request.headers, own) | dict(own)
    if request.cookies:
        headers["Cookie"] = f"{headers['Cookie']}; {request.cookies}" if "Cookie" in headers else request.cookies
    return headers


def without(headers: Mapping[str, str], replaced: Mapping[str, str]) -> dict[str, str]:
    """The headers that are not among ``replaced``, whatever the case of their names."""
    names = {name.lower() for name in replaced}
    return {name: value for name, value in headers.items() if name.lower() not in names}

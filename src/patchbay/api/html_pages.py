"""The few pages that a browser without a key is shown. Nothing of a request is repeated on them."""

from __future__ import annotations

import base64
import hashlib

from starlette.responses import HTMLResponse

_STYLE = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}"
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
_HEADERS = {"Content-Security-Policy": _POLICY.format(digest=base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode())}


def page(said: tuple[str, str], status: int) -> HTMLResponse:
    """A page with a title and a sentence, which are ours."""
    title, sentence = said
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{sentence}</p></body></html>",
        status_code=status,
        headers=_HEADERS,
    )

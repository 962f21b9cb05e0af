"""Where browsers come back to, and where they are sent from there: both on this server, whose URL the operator sets."""

from __future__ import annotations

from patchbay.connectors.oauth.refusals import IntegrationUnavailable
from patchbay.egress.urls import BadUrl, read_url

CALLBACK_PATH = "/api/v1/integrations/oauth/callback"


def callback_url(public_url: str | None) -> str:
    """Where the browser comes back to. Raises :class:`IntegrationUnavailable` when nobody said where this server is."""
    if public_url is None:
        raise IntegrationUnavailable(
            "Connecting with OAuth needs the URL people reach this server at, and PATCHBAY_PUBLIC_URL is not set "
            "(integration_unavailable).",
            hint="Whoever operates this Patchbay sets PATCHBAY_PUBLIC_URL and registers its callback with the provider.",
        )
    return public_url.rstrip("/") + CALLBACK_PATH


def return_url(public_url: str | None, wanted: str) -> str:
    """Where a person is sent in the end: a path of this server, or a URL of its origin. Raises BadUrl for all else."""
    home = read_url(callback_url(public_url))
    to = home.joined(wanted)
    if to.origin != home.origin:
        raise BadUrl(f"it is not on {home.origin}")
    return to.text

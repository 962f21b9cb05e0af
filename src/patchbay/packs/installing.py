"""An install that began at the provider: where its browser is sent, and what is asked for with the code it comes back with."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import msgspec

from patchbay.connectors.installs import Client
from patchbay.packs.connecting import stood_in
from patchbay.packs.model import Install, Pack
from patchbay.settings import Settings


class Installing(msgspec.Struct, frozen=True):
    """One account's install of one provider."""

    install: Install
    client: Client
    account: str

    def authorize_url(self, settings: Settings, *, back_to: str, state: str) -> str:
        """Where a person agrees."""
        url, _ = stood_in(self._of(self.install.authorization_url), settings)
        asked = {
            "client_id": self.client.client_id,
            "scope": ",".join(self.install.scopes),
            "redirect_uri": back_to,
            "state": state,
        }
        return f"{url}?{urlencode(asked)}"

    def token_url(self, settings: Settings) -> tuple[str, str | None]:
        """Where a code is exchanged, and the PEM of a stand-in's authority."""
        return stood_in(self._of(self.install.token_url), settings)

    def _of(self, url: str) -> str:
        return url.replace(f"{{{self.install.account}}}", self.account)


def client_of(pack: Pack, settings: Settings) -> Client | None:
    """What this installation is to the provider's store; None where it is nothing."""
    install = pack.identity.install
    app = settings.oauth.get(install.app) if install is not None else None
    return None if app is None else Client(app.client_id, app.client_secret.get_secret_value())


def installing(pack: Pack, settings: Settings, account: str) -> Installing | None:
    """The install of an account; None where there is none of this provider, or this is no account's name."""
    install, client = pack.identity.install, client_of(pack, settings)
    if install is None or client is None:
        return None
    field = next(one for one in pack.identity.connect.fields if one.name == install.account)
    if field.pattern is None or not re.fullmatch(field.pattern, account):
        return None
    return Installing(install, client, account)

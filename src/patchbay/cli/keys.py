"""``patchbay keys``: make, list and revoke secret keys, and rotate the master key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patchbay.accounts.tables import ApiKey, Organization
    from patchbay.cli.rotation import Rotation

keys = typer.Typer(help="Secret keys of organizations, and the master key over stored credentials.", no_args_is_help=True)

_NARROWEST = 140  # a table narrower than this breaks key ids, which `revoke` needs whole

_notes = Console(stderr=True, highlight=False, soft_wrap=True)

OrganizationName = Annotated[str, typer.Option("--org", help="The organization's name.")]


@keys.command()
def create(
    org: Annotated[str, typer.Option(help="The organization's name; it is made when there is none.")],
    scopes: Annotated[list[str], typer.Option(help="What the key may do, comma-separated or repeated; '*' for everything.")],
    name: Annotated[str, typer.Option(help="What the key is for, for people and the audit log.")] = "command line",
    expires_in_days: Annotated[int | None, typer.Option(min=1, max=3650, help="When the key ends; never when left out.")] = None,
) -> None:
    """Make a secret key and print it, and nothing else, on standard output. It cannot be shown again."""
    wanted = [scope for given in scopes for scope in given.split(",")]
    ends = datetime.now(UTC) + timedelta(days=expires_in_days) if expires_in_days else None
    key, presented = asyncio.run(_create(org, name, wanted, ends))
    _notes.print(f"Key {key.id} of {org}: {', '.join(key.scopes)}; {f'ends {ends:%Y-%m-%d}' if ends else 'does not end'}.")
    _notes.print("Keep it safe: this is the only time it is shown.")
    typer.echo(presented)


@keys.command("list")
def list_(org: Annotated[str | None, typer.Option(help="Only this organization's keys.")] = None) -> None:
    """List keys: what they may do, when they were used last and whether they still work."""
    table = Table(box=None)
    for heading in ("organization", "key", "name", "scopes", "made", "last used", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("organization", "name", "scopes"))
    for organization, found in asyncio.run(_list(org)):
        for key in found:
            cells = (key.id, key.name, " ".join(key.scopes), _day(key.created_at), _day(key.last_used_at), _state(key))
            table.add_row(organization.name, *cells)
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, _NARROWEST)
    console.print(table)


@keys.command()
def revoke(org: OrganizationName, key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]) -> None:
    """End a key now. The next request with it is refused."""
    asyncio.run(_revoke(org, key_id))
    _notes.print(f"Key {key_id} is revoked.")


@keys.command("rotate-secrets")
def rotate_secrets(
    new_key: Annotated[bool, typer.Option("--new-key", help="First add a new master key to the key file.")] = False,
) -> None:
    """Seal every stored credential again under the newest master key. It may be stopped and run again at any time."""
    done, newest, retired = asyncio.run(_rotate(new_key))
    _notes.print(
        f"Sealed again under {newest}: {done.resealed}. Already under it: {done.current}. Unreadable: {done.unreadable}."
    )
    if done.unreadable:
        _notes.print("Unreadable credentials need a master key that is not listed any more; put it back and run this again.")
        raise typer.Exit(1)
    if retired:
        _notes.print(f"Nothing is sealed under {', '.join(retired)} any more. Once every server has the new list, drop them, but")
        _notes.print("keep the oldest under the name `pepper` (pepper:…): secret keys are verified with it.")


async def _create(org: str, name: str, scopes: list[str], ends: datetime | None) -> tuple[ApiKey, str]:
    from patchbay.accounts.keys import create_key
    from patchbay.accounts.organizations import ensure_organization
    from patchbay.accounts.scopes import check_scopes
    from patchbay.cli.opened import opened
    from patchbay.settings import Settings
    from patchbay.store.vault import Vault

    check_scopes(scopes)  # before an organization is made for a key that cannot be
    settings = Settings()
    async with opened(settings) as database:
        organization = await ensure_organization(database, org)
        vault = Vault.load(settings)
        return await create_key(database, vault, org_id=organization.id, name=name, scopes=scopes, expires_at=ends)


async def _list(org: str | None) -> list[tuple[Organization, Sequence[ApiKey]]]:
    from patchbay.accounts.keys import list_keys
    from patchbay.accounts.organizations import find_organization, list_organizations
    from patchbay.cli.opened import opened
    from patchbay.settings import Settings

    async with opened(Settings()) as database:
        chosen = [await find_organization(database, org)] if org else await list_organizations(database)
        return [(one, await list_keys(database, org_id=one.id)) for one in chosen]


async def _revoke(org: str, key_id: str) -> None:
    from patchbay.accounts.keys import revoke_key
    from patchbay.accounts.organizations import find_organization
    from patchbay.cli.opened import opened
    from patchbay.settings import Settings

    async with opened(Settings()) as database:
        organization = await find_organization(database, org)
        await revoke_key(database, org_id=organization.id, key_id=key_id)


async def _rotate(new_key: bool) -> tuple[Rotation, str, list[str]]:
    from patchbay.cli.opened import opened
    from patchbay.cli.rotation import reseal_credentials
    from patchbay.errors import ValidationFailed
    from patchbay.settings import Settings
    from patchbay.store.vault import KEY_FILE, Vault, add_key

    settings = Settings()
    if new_key:
        if settings.secret_key is not None:
            raise ValidationFailed(
                "The master keys come from PATCHBAY_SECRET_KEY, so a new one has to be put first there.",
                hint="Put `k2:` and the output of `openssl rand -base64 32` before the others, and run this without --new-key.",
            )
        add_key(settings.data_dir / KEY_FILE)
    vault = Vault.load(settings)
    async with opened(settings) as database:
        done = await reseal_credentials(database, vault)
    return done, vault.newest, [key_id for key_id in vault.key_ids if key_id != vault.newest]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "never"


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is not None:
        return f"{'expired' if key.expires_at <= datetime.now(UTC) else 'ends'} {_day(key.expires_at)}"
    return "works"

"""All checks of an installation, in order. A check that cannot run because an earlier one failed says so."""

from __future__ import annotations

from pydantic import ValidationError

from patchbay.cli.diagnosis.machine import (
    check_data_dir,
    check_egress,
    check_geocoder,
    check_mail,
    check_model,
    check_packs,
    check_port,
    check_secret_key,
    check_sms,
)
from patchbay.cli.diagnosis.store import check_store
from patchbay.cli.diagnosis.verdict import Verdict
from patchbay.settings import Settings


async def diagnose() -> list[Verdict]:
    """Check the installation the environment describes. Changes nothing, except that the embedded database is started."""
    try:
        settings = Settings()
    except ValidationError as error:
        return [_unreadable(dict(found)) for found in error.errors(include_input=False, include_url=False)]
    data_dir, secret_key = check_data_dir(settings), check_secret_key(settings)
    usable = data_dir.status != "failed"
    found = [Verdict("settings", "Settings", "passed", "they can be read"), data_dir, secret_key]
    found += await check_store(settings, usable=usable, readable_keys=secret_key.status != "failed")
    found += [check_egress(settings), await check_port(settings), await check_model(settings)]
    return [*found, check_sms(settings), check_mail(settings), check_geocoder(settings), check_packs(settings)]


def _unreadable(found: dict[str, object]) -> Verdict:
    place = found.get("loc")
    name = str(place[0]).upper() if isinstance(place, tuple) and place else "?"  # pyright: ignore[reportUnknownArgumentType]
    variable = name if name.startswith(("DATABASE", "PATCHBAY")) else f"PATCHBAY_{name}"
    return Verdict(
        "settings", "Settings", "failed", f"{variable}: {found.get('msg')}", "docs/configuration.md lists what each takes."
    )

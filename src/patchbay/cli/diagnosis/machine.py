"""Checks of the machine: files, ports, the egress exceptions, the model endpoint."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from patchbay.cli.diagnosis.verdict import Verdict
from patchbay.connectors.smtp.addresses import mail_address
from patchbay.errors import PatchbayError
from patchbay.packs.connecting import missing_settings
from patchbay.packs.known import kinds_in, load_packs
from patchbay.packs.model import Pack
from patchbay.packs.reading import PackInvalid
from patchbay.settings import Settings
from patchbay.store.vault import KEY_FILE, parse_master_keys, read_key_file

METADATA = ip_address("169.254.169.254")
_PATIENCE_S = 3.0


def check_data_dir(settings: Settings) -> Verdict:
    """Whether the data directory can be written, where anything needs it."""
    title, path = "Data directory", settings.data_dir
    if settings.database_url is not None and settings.secret_key is not None:
        return Verdict("data_dir", title, "passed", "not needed: DATABASE_URL and PATCHBAY_SECRET_KEY are set")
    hint = f"Give {path} to the user Patchbay runs as, or set PATCHBAY_DATA_DIR to a directory it may write to."
    if path.exists() and not path.is_dir():
        return Verdict("data_dir", title, "failed", f"{path} is not a directory", hint)
    nearest = next(p for p in (path, *path.parents) if p.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Verdict("data_dir", title, "failed", f"{nearest} cannot be written", hint)
    free = os.statvfs(nearest)
    if free.f_bavail * free.f_frsize < 512 * 1024 * 1024:
        return Verdict("data_dir", title, "warning", f"{path} has less than 512 MB of free space", "Make room on that disk.")
    return Verdict("data_dir", title, "passed", f"{path}" if path.exists() else f"{path} will be made with the first start")


def check_secret_key(settings: Settings) -> Verdict:
    """Whether the master keys can be read, and by nobody else."""
    title = "Master keys"
    path = settings.data_dir / KEY_FILE
    try:
        if settings.secret_key is not None:
            keys = parse_master_keys(settings.secret_key.get_secret_value())
            return Verdict("secret_key", title, "passed", f"{_ids(keys)} from PATCHBAY_SECRET_KEY")
        if not path.exists():
            return Verdict("secret_key", title, "passed", f"{path} will be made with the first start")
        return Verdict("secret_key", title, "passed", f"{_ids(read_key_file(path))} from {path}, mode {_mode(path)}")
    except PatchbayError as error:
        return Verdict("secret_key", title, "failed", error.detail, error.hint)


def _ids(keys: list[tuple[str, bytes]]) -> str:
    return ", ".join(key_id for key_id, _ in keys)


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def check_egress(settings: Settings) -> Verdict:
    """Whether the exceptions to the egress guard are narrow and leave the cloud's metadata service closed."""
    title, networks = "Egress exceptions", settings.egress_networks
    if not networks:
        return Verdict("egress", title, "passed", "none: private addresses are refused")
    listed = ", ".join(str(network) for network in networks)
    hint = "Name only the hosts it needs in PATCHBAY_EGRESS_ALLOW, for instance 10.1.2.3/32."
    if any(network.version == METADATA.version and METADATA in network for network in networks):
        return Verdict(
            "egress", title, "failed", f"{listed} opens the metadata service, which hands out the machine's credentials", hint
        )
    if any(network.num_addresses > 2**16 for network in networks):
        return Verdict("egress", title, "warning", f"{listed} opens more than 65,536 addresses", hint)
    return Verdict("egress", title, "passed", listed)


async def check_port(settings: Settings) -> Verdict:
    """Whether the server's address is free, or taken by Patchbay itself."""
    title, place = "Address", f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            return Verdict("port", title, "passed", f"{place} is free")
        except OSError as error:
            reason = error.strerror or str(error)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if await asyncio.to_thread(_status, f"http://{host}:{settings.port}/healthz", {}) == 200:
        return Verdict("port", title, "passed", f"{place} is taken by a server that says it is healthy")
    return Verdict(
        "port",
        title,
        "failed",
        f"{place} cannot be listened on: {reason}",
        "Set PATCHBAY_HOST and PATCHBAY_PORT, or stop what holds it.",
    )


async def check_model(settings: Settings) -> Verdict:
    """Whether a model is configured, and answers. The key is sent to its own endpoint only."""
    title = "Model"
    if not settings.llm_base_url:
        return Verdict("model", title, "passed", "none is configured: the built-in planner answers")
    if not settings.llm_base_url.startswith(("http://", "https://")):
        return Verdict(
            "model", title, "failed", "PATCHBAY_LLM_BASE_URL is not an http or https address", "Write it as https://host/v1."
        )
    if not settings.llm_model:
        return Verdict("model", title, "failed", "PATCHBAY_LLM_MODEL is not set", "Name the model to ask the endpoint for.")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    status = await asyncio.to_thread(_status, settings.llm_base_url.rstrip("/") + "/models", headers)
    if status is None:
        return Verdict(
            "model", title, "warning", "the endpoint does not answer from here", "Check PATCHBAY_LLM_BASE_URL and the network."
        )
    if status in (401, 403):
        return Verdict("model", title, "failed", f"the endpoint refuses the key ({status})", "Set PATCHBAY_LLM_API_KEY.")
    if status >= 300:
        return Verdict(
            "model",
            title,
            "warning",
            f"the endpoint answers {status} to /models",
            "It may still work; check that the address ends in /v1.",
        )
    return Verdict("model", title, "passed", f"the endpoint answers; asked for {settings.llm_model}")


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer here: following one would carry the key elsewhere."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _status(url: str, headers: dict[str, str]) -> int | None:
    """The HTTP status ``url`` answers with, or None when it does not."""
    try:
        with build_opener(_NoRedirects).open(Request(url, headers=headers), timeout=_PATIENCE_S) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError, ValueError):
        return None


def check_sms(settings: Settings) -> Verdict:
    """Whether text messages can be sent: one-time codes, and those of `sms` skills. Nothing is sent."""
    title = "Text messages"
    needed = {
        "PATCHBAY_SMS_ACCOUNT_SID": settings.sms_account_sid,
        "PATCHBAY_SMS_AUTH_TOKEN": settings.sms_auth_token,
        "PATCHBAY_SMS_FROM": settings.sms_from,
    }
    missing = [name for name, value in needed.items() if not value]
    if len(missing) == len(needed):
        said = "no carrier is configured: verification by one-time code (otp_sms) and sms skills are unavailable"
        return Verdict("sms", title, "passed", said)
    if missing:
        return Verdict("sms", title, "failed", f"{' and '.join(missing)} is not set", "Set all three, or none.")
    if not settings.sms_base_url.startswith(("http://", "https://")):
        return Verdict("sms", title, "failed", "PATCHBAY_SMS_BASE_URL is not an http or https address")
    return Verdict("sms", title, "passed", f"sent from {settings.sms_from}")


def check_mail(settings: Settings) -> Verdict:
    """Whether `email` skills have a mail server to send by. Nothing is sent."""
    title = "Mail"
    needed = {"PATCHBAY_SMTP_HOST": settings.smtp_host, "PATCHBAY_SMTP_FROM": settings.smtp_from}
    missing = [name for name, value in needed.items() if not value]
    if len(missing) == len(needed):
        return Verdict("mail", title, "passed", "no mail server is configured: email skills are refused when they are called")
    if missing:
        return Verdict("mail", title, "failed", f"{missing[0]} is not set", "Set both PATCHBAY_SMTP_HOST and PATCHBAY_SMTP_FROM.")
    if mail_address(settings.smtp_from) is None:
        return Verdict("mail", title, "failed", "PATCHBAY_SMTP_FROM is no mail address", "Write it as agent@example.com.")
    if settings.smtp_password is not None and not settings.smtp_user:
        return Verdict(
            "mail", title, "failed", "PATCHBAY_SMTP_PASSWORD is set without PATCHBAY_SMTP_USER", "Set both, or neither."
        )
    if settings.smtp_tls == "none":
        hint = "It works only for a server that PATCHBAY_EGRESS_ALLOW opens; starttls or implicit is better."
        return Verdict("mail", title, "warning", f"sent in the clear by {settings.smtp_host}", hint)
    return Verdict("mail", title, "passed", f"sent by {settings.smtp_host} ({settings.smtp_tls}) from {settings.smtp_from}")


def check_geocoder(settings: Settings) -> Verdict:
    """Whether addresses are placed by a provider. Nothing is asked."""
    title = "Geocoder"
    if not settings.geocoder_url:
        return Verdict(
            "geocoder", title, "passed", "none is configured: US ZIP codes and cities are placed offline, not addresses"
        )
    if not settings.geocoder_url.startswith(("http://", "https://")):
        return Verdict("geocoder", title, "failed", "PATCHBAY_GEOCODER_URL is not an http or https address")
    return Verdict("geocoder", title, "passed", f"addresses are placed by {settings.geocoder_url}")


def check_packs(settings: Settings) -> Verdict:
    """Whether the packs can be read and the operator's own fit their documents, and which still need the OAuth client."""
    title = "Curated providers"
    try:
        packs = load_packs(settings.packs_dir)
    except (PackInvalid, OSError) as error:
        return Verdict(
            "packs", title, "failed", str(error), "docs/packs.md says what a pack holds; PATCHBAY_PACKS_DIR names yours."
        )
    if settings.packs_dir is not None and (wrong := _unfit([packs[kind] for kind in kinds_in(settings.packs_dir)])):
        return Verdict("packs", title, "failed", "; ".join(wrong), "docs/packs.md says what a pack holds.")
    lacking = {pack.identity.name: missing_settings(pack, settings) for pack in packs.values()}
    unset = {name: variables for name, variables in lacking.items() if variables}
    said = f"{len(packs)} packs"
    if not unset:
        return Verdict("packs", title, "passed", said)
    needed = "; ".join(f"{name} needs {', '.join(variables)}" for name, variables in sorted(unset.items()))
    return Verdict("packs", title, "passed", f"{said}; not connectable yet: {needed}")


def _unfit(packs: Sequence[Pack]) -> list[str]:
    """What does not fit the documents of these packs. Those that come with Patchbay are held by its tests."""
    from patchbay.agent_runtime.provisioning.checking import problems_of

    return [f"{pack.kind}: {problem}" for pack in packs for problem in problems_of(pack)]

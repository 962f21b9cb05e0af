"""Settings, read from the environment with the prefix ``PATCHBAY_`` (and ``DATABASE_URL``)."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class OAuthClient(BaseModel):
    """The client that this installation is to a provider's OAuth."""

    client_id: str
    client_secret: SecretStr


class StandIn(BaseModel):
    """Where a provider's origin is asked instead: a sandbox, a server for tests. ``caFile`` holds a private authority's PEM."""

    origin: str
    ca_file: Path | None = Field(default=None, validation_alias=AliasChoices("caFile", "ca_file"))


class Settings(BaseSettings):
    """How this installation runs. Every value has a default that works on one machine with nothing set up."""

    model_config = SettingsConfigDict(env_prefix="PATCHBAY_", env_nested_delimiter="__", extra="ignore", populate_by_name=True)

    data_dir: Path = Field(default=Path("~/.patchbay"), description="Where the embedded database and local keys live.")
    host: str = Field(default="127.0.0.1", description="The address the server listens on.")
    port: int = Field(default=8420, ge=0, le=65535, description="The port the server listens on.")
    public_url: str | None = Field(default=None, description="The URL people reach this server at; OAuth needs it.")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Comma-separated master keys, newest first, each `id:base64 of 32 bytes`. "
        "Unset: one is made and kept in the data directory.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL", "PATCHBAY_DATABASE_URL"),
        description="The platform's own PostgreSQL. Unset: an embedded one is started in the data directory.",
    )
    egress_allow: str = Field(
        default="", description="Comma-separated CIDRs that outbound connections may reach although private."
    )
    llm_base_url: str | None = Field(
        default=None, description="Any OpenAI-compatible endpoint. Unset: the built-in planner answers."
    )
    llm_api_key: SecretStr | None = Field(default=None, description="The key for `llm_base_url`.")
    llm_model: str | None = Field(default=None, description="The model name to ask `llm_base_url` for.")
    sms_account_sid: str | None = Field(
        default=None, description="The carrier account that sends one-time codes by text message."
    )
    sms_auth_token: SecretStr | None = Field(default=None, description="The key of that account.")
    sms_from: str | None = Field(
        default=None, description="The number (E.164) or messaging service that text messages come from."
    )
    sms_base_url: str = Field(
        default="https://api.twilio.com", description="Where the carrier's API is; it speaks Twilio's Messages API."
    )
    oauth: dict[str, OAuthClient] = Field(
        default={},
        description="The OAuth clients of curated providers: `PATCHBAY_OAUTH__GOOGLE__CLIENT_ID` and `…__CLIENT_SECRET`.",
    )
    stand_ins: dict[str, StandIn] = Field(
        default={},
        description="JSON from a curated provider's origin to where it is asked instead: "
        '`{"https://api.example.com": {"origin": "https://sandbox.example.com", "caFile": null}}`.',
    )
    packs_dir: Path | None = Field(default=None, description="A directory of further provider packs.")
    smtp_host: str | None = Field(default=None, description="The mail server that mail is sent by.")
    smtp_port: int | None = Field(default=None, ge=1, le=65535, description="Its port. Unset: 587, or 465 for `implicit`.")
    smtp_user: str | None = Field(default=None, description="The login there, where it asks for one.")
    smtp_password: SecretStr | None = Field(default=None, description="The password of that login.")
    smtp_from: str | None = Field(default=None, description="The address that mail comes from.")
    smtp_tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="`none` only for a server that `PATCHBAY_EGRESS_ALLOW` opens."
    )
    geocoder_url: str | None = Field(
        default=None, description="A Nominatim-compatible geocoder, or Google's. Unset: places are found offline, roughly."
    )
    geocoder_key: SecretStr | None = Field(default=None, description="The key for `geocoder_url`.")
    rate_limit_per_minute: int = Field(default=1200, ge=1, description="Requests each organization may make in a minute.")
    log_level: str = Field(default="INFO", description="The least severe log level that is written.")

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("egress_allow")
    @classmethod
    def _check_cidrs(cls, value: str) -> str:
        for part in filter(None, (p.strip() for p in value.split(","))):
            ip_network(part, strict=False)
        return value

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.upper() not in _LOG_LEVELS:
            raise ValueError(f"use one of {', '.join(_LOG_LEVELS)}")
        return value.upper()

    @cached_property
    def egress_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The operator's exceptions to the egress guard."""
        return tuple(ip_network(p.strip(), strict=False) for p in self.egress_allow.split(",") if p.strip())

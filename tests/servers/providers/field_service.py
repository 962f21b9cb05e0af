"""A simulated field-service system with a plain REST API: clients, their jobs, leads, free times and visits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.servers.providers.provider import Asked
from tests.servers.providers.rest import Answer, RestProvider, Work

API_KEY = "fsk_live_0123456789abcdef"
VISIT = timedelta(hours=2)
Record = dict[str, Any]


def client(number: int, name: str, phone: str, email: str) -> Record:
    """Somebody the business works for."""
    return {"id": f"cl_{number}", "name": name, "phone": phone, "email": email, "createdAt": "2026-01-05T10:00:00Z",
            "address": {"street": "1 Example Street", "city": "Toronto", "postalCode": "M5V 2T6"}}  # fmt: skip


def job(number: int, of: str, title: str, status: str, visit: str | None = None) -> Record:
    """Work for a client, with its next visit where there is one."""
    next_visit = {"startsAt": visit, "endsAt": _later(visit), "technician": "Sam"} if visit else None
    return {"id": f"jb_{number}", "number": 100 + number, "clientId": of, "title": title, "status": status,
            "nextVisit": next_visit, "updatedAt": "2026-11-27T10:00:00Z"}  # fmt: skip


@dataclass
class FieldService(RestProvider):
    """``open_hours`` (UTC) are those in which a visit of two hours can begin, one at a time."""

    key: str = API_KEY
    open_hours: tuple[int, int] = (13, 21)
    clients: list[Record] = field(
        default_factory=lambda: [
            client(1, "Ada Byron", "+14155550132", "ada@example.com"),
            client(2, "Alan T", "+14155550199", "alan@example.com"),
        ]
    )
    jobs: list[Record] = field(
        default_factory=lambda: [
            job(1, "cl_1", "Furnace tune-up", "scheduled", "2026-12-02T15:00:00Z"),
            job(2, "cl_1", "Duct cleaning", "invoiced"),
            job(3, "cl_2", "Water heater", "in_progress", "2026-11-28T18:00:00Z"),
        ]
    )
    leads: list[Record] = field(default_factory=list)
    visits: list[Record] = field(default_factory=list)

    @property
    def routes(self) -> dict[tuple[str, str], Work]:
        return {
            ("GET", "/v1/me"): lambda _asked: Answer({"account": "Capital Comfort"}),
            ("GET", "/v1/clients"): self._list_clients,
            ("POST", "/v1/clients"): self._create_client,
            ("GET", "/v1/clients/{clientId}/jobs"): self._list_jobs,
            ("POST", "/v1/leads"): self._create_lead,
            ("GET", "/v1/availability"): self._availability,
            ("POST", "/v1/visits"): self._book,
        }

    def authorized(self, asked: Asked) -> bool:
        return asked.headers.get("X-Api-Key") == self.key

    def unauthorized(self) -> web.Response:
        return self._sent(_error(401, "unauthorized"))

    def limited(self) -> web.Response:
        return web.json_response({"error": {"code": "rate_limited"}}, status=429, headers={"Retry-After": "1"})

    def failed(self) -> web.Response:
        return self._sent(_error(503, "unavailable"))

    def not_found(self, what: str) -> Answer:
        return _error(404, "not_found")

    def _list_clients(self, asked: Asked) -> Answer:
        wanted = {name: value for name, value in asked.query if name in ("phone", "email")}
        if not wanted:
            self.problem("all clients are asked for")
            return _error(400, "filter_required")
        found = [one for one in self.clients if all(one[name].casefold() == value.casefold() for name, value in wanted.items())]
        return Answer({"data": found[: int(asked.one("limit") or 20)], "nextCursor": None})

    def _create_client(self, asked: Asked) -> Answer:
        def create() -> Answer:
            given = asked.json
            made = client(len(self.clients) + 1, given["name"], given["phone"], given.get("email") or "")
            self.clients.append(made)
            return Answer(made, 201)

        return self._once(asked, ("name", "phone"), create)

    def _list_jobs(self, asked: Asked, client_id: str) -> Answer:
        if not any(one["id"] == client_id for one in self.clients):
            return self.not_found(client_id)
        status = asked.one("status")
        found = [one for one in self.jobs if one["clientId"] == client_id and status in (None, one["status"])]
        return Answer({"data": found[: int(asked.one("limit") or 20)], "nextCursor": None})

    def _create_lead(self, asked: Asked) -> Answer:
        def create() -> Answer:
            number = len(self.leads) + 1
            made = asked.json | {"id": f"ld_{number}", "number": f"L-{number:04}", "status": "new"}
            self.leads.append(made)
            return Answer(made, 201)

        return self._once(asked, ("name", "phone", "summary"), create)

    def _availability(self, asked: Asked) -> Answer:
        try:
            begin, end = (_moment(asked.one(name) or "") for name in ("from", "to"))
        except ValueError:
            return _error(400, "range_invalid")
        free: list[Record] = []
        at = begin.replace(minute=0, second=0, microsecond=0)
        while at <= end and len(free) < 50:
            if at >= begin and self._is_free(at):
                free.append({"startsAt": _text(at), "endsAt": _text(at + VISIT), "technician": "Sam"})
            at += timedelta(hours=1)
        return Answer({"data": free})

    def _book(self, asked: Asked) -> Answer:
        def create() -> Answer:
            given = asked.json
            if not any(one["id"] == given["clientId"] for one in self.clients):
                return _error(422, "client_unknown")
            at = _moment(given["startsAt"])
            if not self._is_free(at):
                return _error(409, "slot_taken")
            made = given | {"id": f"vs_{len(self.visits) + 1}", "startsAt": _text(at), "endsAt": _text(at + VISIT),
                            "technician": "Sam", "status": "confirmed"}  # fmt: skip
            self.visits.append(made)
            return Answer(made, 201)

        return self._once(asked, ("clientId", "startsAt", "service"), create)

    def _is_free(self, at: datetime) -> bool:
        held = [_moment(one["startsAt"]) for one in self.visits]
        held += [_moment(one["nextVisit"]["startsAt"]) for one in self.jobs if one["nextVisit"]]
        open_ = at.weekday() < 5 and self.open_hours[0] <= at.hour and at.hour + 2 <= self.open_hours[1] and at.minute == 0
        return open_ and not any(abs(one - at) < VISIT for one in held)

    def _once(self, asked: Asked, needed: tuple[str, ...], create: Any) -> Answer:
        if not isinstance(asked.json, dict) or any(not asked.json.get(name) for name in needed):
            self.problem(f"{asked.path} without {needed}")
            return _error(400, "member_missing")
        key = asked.headers.get("Idempotency-Key")
        if key is None:
            self.problem(f"{asked.path} without Idempotency-Key")
            return _error(400, "key_missing")
        return self.once(key, asked.json, create, reused=lambda: _error(422, "key_reused"))


def _error(status: int, code: str) -> Answer:
    return Answer({"error": {"code": code}}, status)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _later(text: str) -> str:
    return _text(_moment(text) + VISIT)

"""A simulated CRM with a plain REST API: contacts by phone or e-mail, their tickets, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.providers.provider import Asked, bearer
from tests.servers.providers.rest import Answer, RestProvider, Work

TOKEN = "crm_0123456789abcdef0123456789abcdef"
Record = dict[str, Any]


def contact(number: int, first: str, last: str, phone: str | None, email: str | None, company: str | None = None) -> Record:
    """Somebody the business knows."""
    return {"id": f"ct_{number}", "firstName": first, "lastName": last, "phone": phone, "email": email,
            "company": {"name": company} if company else None, "postcode": "M5V 2T6", "owner": "Sam",
            "createdAt": "2026-01-05T10:00:00Z"}  # fmt: skip


def ticket(number: int, of: str, subject: str, status: str = "open", priority: str = "normal") -> Record:
    """Something a contact waits for."""
    return {"id": f"tk_{number}", "number": f"T-{number:04}", "contactId": of, "subject": subject, "status": status,
            "priority": priority, "createdAt": f"2026-11-{number % 20 + 1:02}T10:00:00Z",
            "updatedAt": "2026-11-27T10:00:00Z"}  # fmt: skip


@dataclass
class Crm(RestProvider):
    """``contacts``, ``tickets`` and ``notes`` may be changed while it runs."""

    token: str = TOKEN
    contacts: list[Record] = field(
        default_factory=lambda: [
            contact(1, "Ada", "Byron", "+14155550132", "ada@example.com", "Engines Ltd"),
            contact(2, "Alan", "T", "+14155550199", "alan@example.com"),
        ]
    )
    tickets: list[Record] = field(
        default_factory=lambda: [
            ticket(1, "ct_1", "Gears jam"),
            ticket(2, "ct_1", "Cards fade", "solved"),
            ticket(3, "ct_2", "Tape tears"),
        ]
    )
    notes: list[Record] = field(default_factory=list)

    @property
    def routes(self) -> dict[tuple[str, str], Work]:
        return {
            ("GET", "/api/me"): lambda _asked: Answer({"name": "Acme CRM"}),
            ("GET", "/api/contacts"): self._list_contacts,
            ("POST", "/api/contacts"): self._create_contact,
            ("GET", "/api/contacts/{contactId}/tickets"): self._list_tickets,
            ("POST", "/api/contacts/{contactId}/notes"): self._add_note,
            ("POST", "/api/tickets"): self._create_ticket,
        }

    def authorized(self, asked: Asked) -> bool:
        return bearer(asked) == self.token

    def unauthorized(self) -> web.Response:
        return self._sent(_error(401, "unauthorized"))

    def limited(self) -> web.Response:
        return web.json_response({"error": {"code": "rate_limited"}}, status=429, headers={"Retry-After": "1"})

    def failed(self) -> web.Response:
        return self._sent(_error(502, "unavailable"))

    def not_found(self, what: str) -> Answer:
        return _error(404, "not_found")

    def _list_contacts(self, asked: Asked) -> Answer:
        wanted = {name: value.casefold() for name, value in asked.query if name in ("phone", "email")}
        if not wanted:
            self.problem("all contacts are asked for")
            return _error(400, "filter_required")
        found = [one for one in self.contacts if all((one[name] or "").casefold() == value for name, value in wanted.items())]
        return Answer({"items": found[: int(asked.one("pageSize") or 20)], "total": len(found)})

    def _create_contact(self, asked: Asked) -> Answer:
        def create() -> Answer:
            given = asked.json
            made = contact(len(self.contacts) + 1, given["firstName"], given.get("lastName") or "", given.get("phone"),
                           given.get("email"))  # fmt: skip
            self.contacts.append(made)
            return Answer(made, 201)

        return self._once(asked, ("firstName",), create)

    def _list_tickets(self, asked: Asked, contact_id: str) -> Answer:
        if not self._knows(contact_id):
            return self.not_found(contact_id)
        status = asked.one("status")
        found = [one for one in self.tickets if one["contactId"] == contact_id and status in (None, one["status"])]
        return Answer({"items": found[: int(asked.one("pageSize") or 20)], "total": len(found)})

    def _create_ticket(self, asked: Asked) -> Answer:
        def create() -> Answer:
            given = asked.json
            if not self._knows(given["contactId"]):
                return _error(422, "contact_unknown")
            made = ticket(len(self.tickets) + 1, given["contactId"], given["subject"], priority=given.get("priority") or "normal")
            made |= {"description": given.get("description")}
            self.tickets.append(made)
            return Answer(made, 201)

        return self._once(asked, ("contactId", "subject"), create)

    def _add_note(self, asked: Asked, contact_id: str) -> Answer:
        def create() -> Answer:
            if not self._knows(contact_id):
                return self.not_found(contact_id)
            made = {"id": f"nt_{len(self.notes) + 1}", "contactId": contact_id, "text": asked.json["text"],
                    "createdAt": "2026-11-28T10:00:00Z"}  # fmt: skip
            self.notes.append(made)
            return Answer(made, 201)

        return self._once(asked, ("text",), create)

    def _knows(self, contact_id: str) -> bool:
        return any(one["id"] == contact_id for one in self.contacts)

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

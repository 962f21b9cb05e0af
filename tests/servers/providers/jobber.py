"""A simulated Jobber account: clients, requests with assessments, jobs and their visits, behind OAuth with tokens that expire."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from tests.servers.authorization_server import AuthorizationServer
from tests.servers.providers.provider import Asked, bearer
from tests.servers.providers.relay import GraphqlProvider, Resolver

VERSION = "2025-04-16"
CLIENT_ID, CLIENT_SECRET = "jobber-app", "jobber-app-secret"
AUTHORIZE, TOKEN = "/api/oauth/authorize", "/api/oauth/token"
NOW = "2026-11-28T12:00:00Z"
Record = dict[str, Any]


def encoded(kind: str, number: int) -> str:
    """An id as the vendor writes it."""
    return base64.b64encode(f"gid://Jobber/{kind}/{number}".encode()).decode()


@dataclass
class Jobber(GraphqlProvider):
    """``clients``, ``requests``, ``jobs`` and ``visits`` may be changed while it runs. ``oauth`` gives the tokens out."""

    schema_name: str = "jobber"
    endpoint: str = "/api/graphql"
    maximum: float = 10_000.0
    restore_rate: float = 500.0
    dearest: float = 10_000.0
    oauth: AuthorizationServer = field(
        default_factory=lambda: AuthorizationServer(
            clients={CLIENT_ID: CLIENT_SECRET}, prompt=None, lifetime=None, tells_type=False
        )
    )
    account_name: str = "Capital Comfort"
    clients: list[Record] = field(default_factory=list)
    requests: list[Record] = field(default_factory=list)
    jobs: list[Record] = field(default_factory=list)
    visits: list[Record] = field(default_factory=list)
    notes: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        ada = self.add_client("Ada", "Byron", "+14155550132", "(415) 555-0132", "ada@example.com")
        alan = self.add_client("Alan", "T", "+14155550199", "415.555.0199", "alan@example.com")
        furnace = self.add_job(ada, "Furnace tune-up", "upcoming")
        self.add_visit(furnace, "2026-12-02T15:00:00Z", "2026-12-02T17:00:00Z")
        self.add_job(ada, "Duct cleaning", "requires_invoicing")
        leak = self.add_job(alan, "Water heater", "today")
        self.add_visit(leak, "2026-11-28T18:00:00Z", "2026-11-28T20:00:00Z")

    def add_client(self, first: str, last: str, phone: str, written: str, email: str | None) -> Record:
        """A client with one number, which is kept as somebody wrote it."""
        number = len(self.clients) + 1
        made: Record = {
            "id": encoded("Client", number), "firstName": first, "lastName": last, "name": f"{first} {last}".strip(),
            "companyName": None, "balance": 0.0, "createdAt": NOW, "updatedAt": NOW, "email": email, "phone": written,
            "emails": [{"id": encoded("Email", number), "address": email, "primary": True}] if email else [],
            "isArchived": False, "isCompany": False, "isLead": True, "clientProperties": [],
        }  # fmt: skip
        made["phones"] = [
            {"id": encoded("ClientPhoneNumber", number), "client": made, "description": "Main", "friendly": written,
             "normalizedPhoneNumber": phone, "number": written, "primary": True, "smsAllowed": True}
        ]  # fmt: skip
        self.clients.append(made)
        return made

    def add_job(self, client: Record, title: str, status: str) -> Record:
        """A job of a client."""
        number = len(self.jobs) + 1
        address = {"id": encoded("PropertyAddress", number), "street": "1 Example Street", "city": "Toronto"}
        place = {"id": encoded("Property", number), "name": None, "address": address}
        made = {
            "id": encoded("Job", number), "client": client, "title": title, "jobNumber": 100 + number, "jobStatus": status,
            "jobType": "ONE_OFF", "property": place, "total": 120.0, "createdAt": NOW, "updatedAt": NOW, "startAt": None,
            "endAt": None, "completedAt": None, "instructions": None,
        }  # fmt: skip
        client["isLead"] = False
        self.jobs.append(made)
        return made

    def add_visit(self, job: Record, start: str | None, end: str | None, title: str | None = None) -> Record:
        """A visit of a job."""
        made = {
            "__typename": "Visit", "id": encoded("Visit", len(self.visits) + 1), "job": job, "client": job["client"],
            "property": job["property"], "title": title or job["title"], "startAt": start, "endAt": end, "allDay": False,
            "clientConfirmed": False, "isComplete": False, "createdAt": NOW, "instructions": None, "completedAt": None,
            "duration": None, "visitStatus": "UPCOMING" if start else "UNSCHEDULED",
        }  # fmt: skip
        self.visits.append(made)
        return made

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == AUTHORIZE:
            return await self.oauth.authorize(request)
        if request.path == TOKEN:
            return await self.oauth.token(request)
        return await super().handle(request)

    def authorized(self, asked: Asked) -> bool:
        token = bearer(asked)
        return any(token in grant.access_tokens for grant in self.oauth.grants)

    def unauthorized(self) -> web.Response:
        return web.json_response({"message": "Access token expired or is invalid"}, status=401)

    def answer(self, asked: Asked) -> web.Response:
        if asked.headers.get("X-JOBBER-GRAPHQL-VERSION") != VERSION:
            self.problem(f"X-JOBBER-GRAPHQL-VERSION {asked.headers.get('X-JOBBER-GRAPHQL-VERSION')}")
        return super().answer(asked)

    @property
    def resolvers(self) -> Mapping[str, Resolver]:
        return {
            "Query.account": lambda _root: {"id": encoded("Account", 1), "name": self.account_name, "createdAt": NOW},
            "Query.client": lambda _root, id: _by_id(self.clients, id),
            "Query.clients": lambda _root, searchTerm=None, searchFields=None, **_page: [
                one for one in self.clients if _client_fits(one, searchTerm, searchFields)
            ],
            "Query.clientPhones": lambda _root, searchTerm=None, **_page: [
                phone for one in self.clients for phone in one["phones"] if _phone_fits(phone, searchTerm)
            ],
            "Query.job": lambda _root, id: _by_id(self.jobs, id),
            "Query.jobs": lambda _root, filter=None, searchTerm=None, **_page: _in_state(self.jobs, filter),
            "Query.visits": lambda _root, filter=None, **_page: _between(self.visits, filter),
            "Query.scheduledItems": lambda _root, filter, **_page: self._scheduled(filter["occursWithin"]),
            "Client.jobs": lambda one, filter=None, **_page: _in_state(
                [job for job in self.jobs if job["client"] is one], filter
            ),
            "Client.requests": lambda one, **_page: [request for request in self.requests if request["client"] is one],
            "Job.visits": lambda one, filter=None, **_page: _between(
                [visit for visit in self.visits if visit["job"] is one], filter
            ),
            "Job.visitsInfo": lambda one: {
                "futureCount": sum(visit["job"] is one for visit in self.visits), "incompleteTotal": 0,
            },
            "Mutation.clientCreate": self._create_client,
            "Mutation.requestCreate": self._create_request,
            "Mutation.requestCreateNote": self._create_note,
            "Mutation.visitCreate": self._create_visits,
            "Mutation.visitEditSchedule": self._edit_schedule,
        }  # fmt: skip

    def _scheduled(self, within: Record) -> list[Record]:
        items = [*self.visits, *(one["assessment"] for one in self.requests if one["assessment"])]
        return [one for one in items if one["startAt"] and within["startDate"] <= one["startAt"][:10] <= within["endDate"]]

    def _create_client(self, _root: Any, input: Record) -> Record:
        if not (input.get("firstName") or input.get("lastName") or input.get("companyName")):
            return {"client": None, "userErrors": [_error("Name can't be blank", "firstName")]}
        phones = [one["number"] for one in input.get("phones") or []]
        emails = [one["address"] for one in input.get("emails") or []]
        number = phones[0] if phones else ""
        made = self.add_client(
            input.get("firstName") or "", input.get("lastName") or "", number, number, next(iter(emails), None)
        )
        if not phones:
            made["phones"] = []
        return {"client": made, "userErrors": []}

    def _create_request(self, _root: Any, input: Record) -> Record:
        client = _by_id(self.clients, input["clientId"])
        if client is None:
            return {"request": None, "userErrors": [_error("Client not found", "clientId")]}
        try:
            schedule = _schedule((input.get("assessment") or {}).get("schedule"))
        except ValueError as wrong:
            return {"request": None, "userErrors": [_error(str(wrong), "assessment")]}
        number = len(self.requests) + 1
        made: Record = {
            "id": encoded("Request", number), "client": client, "companyName": None, "contactName": client["name"],
            "createdAt": NOW, "updatedAt": NOW, "email": client["email"], "phone": client["phone"], "property": None,
            "requestStatus": "upcoming" if schedule[0] else "new", "source": "API", "title": input.get("title"),
            "assessment": None, "requestDetails": input.get("requestDetails"),
        }  # fmt: skip
        if input.get("assessment") is not None:
            made["assessment"] = {
                "__typename": "Assessment", "id": encoded("Assessment", number), "allDay": False, "client": client,
                "duration": None, "startAt": schedule[0], "endAt": schedule[1], "isComplete": False, "request": made,
                "instructions": input["assessment"].get("instructions"), "title": input.get("title"),
            }  # fmt: skip
        self.requests.append(made)
        return {"request": made, "userErrors": []}

    def _create_note(self, _root: Any, requestId: str, input: Record) -> Record:
        request = _by_id(self.requests, requestId)
        if request is None:
            return {"request": None, "requestNote": None, "userErrors": [_error("Request not found", "requestId")]}
        note = {"id": encoded("RequestNote", len(self.notes) + 1), "message": input.get("message") or "",
                "pinned": bool(input.get("pinned")), "createdAt": NOW}  # fmt: skip
        self.notes.append(note)
        return {"request": request, "requestNote": note, "userErrors": []}

    def _create_visits(self, _root: Any, jobId: str, input: Record) -> Record:
        job = _by_id(self.jobs, jobId)
        assert job is not None
        try:
            times = [_schedule(one.get("schedule")) for one in input["visits"]]
        except ValueError as wrong:
            return {"createdVisits": [], "job": job, "userErrors": [_error(str(wrong), "visits")]}
        made = [self.add_visit(job, *at, one.get("title")) for one, at in zip(input["visits"], times, strict=True)]
        return {"createdVisits": made, "job": job, "userErrors": []}

    def _edit_schedule(self, _root: Any, id: str, input: Record) -> Record:
        visit = _by_id(self.visits, id)
        if visit is None:
            return {"visit": None, "userErrors": [_error("Visit not found", "id")]}
        visit["startAt"], visit["endAt"] = _schedule(input)
        return {"visit": visit, "userErrors": []}


def _by_id(records: list[Record], id: str) -> Record | None:
    return next((one for one in records if one["id"] == id), None)


def _error(message: str, field_: str) -> Record:
    return {"message": message, "path": ["input", field_]}


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _phone_fits(phone: Record, term: str | None) -> bool:
    """A search by a part of the number: whoever wants one number has to compare it."""
    wanted = _digits(term or "")
    return term is None or (bool(wanted) and wanted in _digits(phone["normalizedPhoneNumber"] or phone["number"]))


def _client_fits(one: Record, term: str | None, fields: list[str] | None) -> bool:
    if term is None:
        return True
    wanted = set(fields or ("EMAILS", "NAMES", "PHONES"))
    return (
        ("NAMES" in wanted and term.casefold() in one["name"].casefold())
        or (bool({"EMAILS", "PRIMARY_EMAIL"} & wanted) and term.casefold() in (one["email"] or "").casefold())
        or ("PHONES" in wanted and any(_phone_fits(phone, term) for phone in one["phones"]))
    )


def _in_state(jobs: list[Record], filter: Record | None) -> list[Record]:
    status = (filter or {}).get("status")
    active = status == "active"
    return [one for one in jobs if status is None or one["jobStatus"] == status or (active and one["jobStatus"] != "archived")]


def _between(visits: list[Record], filter: Record | None) -> list[Record]:
    span = (filter or {}).get("startAt") or {}
    found = [
        one
        for one in visits
        if (span.get("after") is None or (one["startAt"] or "") >= span["after"])
        and (span.get("before") is None or (one["startAt"] or "9") <= span["before"])
    ]
    return sorted(found, key=lambda one: one["startAt"] or "9")


def _schedule(given: Record | None) -> tuple[str | None, str | None]:
    if not given or not given.get("startAt"):
        return None, None
    start = _moment(given["startAt"])
    end = _moment(given["endAt"]) if given.get("endAt") else start + timedelta(hours=1)
    if end <= start:
        raise ValueError("End time must be after start time")
    return _text(start), _text(end)


def _moment(given: Record) -> datetime:
    at = time.fromisoformat(given["time"]) if given.get("time") else time()
    return datetime.combine(date.fromisoformat(given["date"]), at.replace(tzinfo=None), ZoneInfo(given["timezone"]))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

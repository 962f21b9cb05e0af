"""A simulated Square seller: customers, orders, bookings with their free times, and the catalogue, as of version 2025-08-20."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.servers.providers.provider import Asked, bearer
from tests.servers.providers.rest import Answer, RestProvider, Work
from tests.servers.providers.vendor import VendorDocument, vendor_document

TOKEN = "EAAAl0123456789abcdefghijklmnopqrstuvwxyz"
VERSION = "2025-08-20"
LOCATION = "L0DEMO00000001"
SERVICE, SERVICE_VERSION, STYLIST = "SVCVARIATION00000001", 1_760_000_000_000, "TMDEMO0001"
SLOT = timedelta(minutes=60)
Record = dict[str, Any]


def money(amount: int, currency: str = "USD") -> Record:
    """An amount in minor units."""
    return {"amount": amount, "currency": currency}


def customer(number: int, given: str, family: str, email: str, phone: str, postcode: str) -> Record:
    """A customer of the directory."""
    return {
        "id": f"CUST{number:022}", "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T10:00:00Z",
        "given_name": given, "family_name": family, "email_address": email, "phone_number": phone,
        "address": {"address_line_1": "1 Example Street", "locality": "Toronto", "postal_code": postcode, "country": "CA"},
        "preferences": {"email_unsubscribed": False}, "creation_source": "THIRD_PARTY", "version": 0,
    }  # fmt: skip


def order(number: int, of: Record, state: str, fulfillment: str, total: int, *items: str, pickup: str | None = None) -> Record:
    """An order for pick-up at the one location."""
    lines = [
        {"uid": f"line{place}", "name": name, "quantity": "1", "total_money": money(total // len(items))}
        for place, name in enumerate(items)
    ]
    pick_up = {"recipient": {"display_name": of["given_name"]}, "schedule_type": "SCHEDULED", "pickup_at": pickup}
    return {
        "id": f"ORDER{number:020}", "location_id": LOCATION, "reference_id": f"{number}", "customer_id": of["id"],
        "line_items": lines, "created_at": f"2026-11-{number % 20 + 1:02}T12:00:00Z", "updated_at": "2026-11-28T12:00:00Z",
        "state": state, "version": 1, "total_money": money(total), "source": {"name": "Online store"},
        "fulfillments": [{"uid": "f1", "type": "PICKUP", "state": fulfillment, "pickup_details": pick_up}],
    }  # fmt: skip


ADA = customer(1, "Ada", "Byron", "ada@example.com", "+14155550132", "M5V 2T6")
ALAN = customer(2, "Alan", "T", "alan@example.com", "+14155550199", "K1A 0B1")


def catalogue_item(number: int, name: str, description: str, price: int) -> Record:
    """An item with one variation."""
    return {
        "type": "ITEM", "id": f"ITEM{number:020}", "updated_at": "2026-11-01T00:00:00Z", "version": 1, "is_deleted": False,
        "present_at_all_locations": True,
        "item_data": {
            "name": name, "description": description, "product_type": "REGULAR",
            "variations": [
                {"type": "ITEM_VARIATION", "id": f"VAR{number:020}", "updated_at": "2026-11-01T00:00:00Z", "version": 1,
                 "is_deleted": False, "present_at_all_locations": True,
                 "item_variation_data": {"item_id": f"ITEM{number:020}", "name": "Regular", "ordinal": 1,
                                         "pricing_type": "FIXED_PRICING", "price_money": money(price)}},
            ],
        },
    }  # fmt: skip


@dataclass
class Square(RestProvider):
    """``open_hours`` (UTC) are those in which an hour can be booked.

    ``seller_level`` is what an access token of the seller's own may do: book a time twice, and outside the hours. Without it, as
    a buyer, neither. ``service_version`` changes when somebody edits the service.
    """

    token: str = TOKEN
    searches: frozenset[str] = frozenset(
        {"/v2/customers/search", "/v2/orders/search", "/v2/bookings/availability/search", "/v2/catalog/search-catalog-items"}
    )
    open_hours: tuple[int, int] = (9, 17)
    seller_level: bool = True
    service_version: int = SERVICE_VERSION
    merchant: Record = field(default_factory=lambda: {"id": "MLDEMO0000001", "business_name": "Demo Bakery", "country": "CA"})
    customers: list[Record] = field(default_factory=lambda: copy.deepcopy([ADA, ALAN]))
    orders: list[Record] = field(
        default_factory=lambda: [
            order(1001, ADA, "OPEN", "PREPARED", 4_250, "Sourdough", "Rye", pickup="2026-12-01T16:00:00Z"),
            order(1002, ADA, "COMPLETED", "COMPLETED", 1_200, "Baguette"),
            order(1003, ALAN, "OPEN", "PROPOSED", 9_900, "Wedding cake"),
        ]
    )
    bookings: list[Record] = field(default_factory=list)
    items: list[Record] = field(
        default_factory=lambda: [
            catalogue_item(1, "Sourdough loaf", "Baked every morning.", 850),
            catalogue_item(2, "Rye loaf", "With caraway.", 900),
        ]
    )

    @property
    def judge(self) -> VendorDocument | None:
        return vendor_document("square", "api.json")

    @property
    def routes(self) -> dict[tuple[str, str], Work]:
        return {
            ("GET", "/v2/locations"): lambda _asked: Answer(
                {"locations": [{"id": LOCATION, "name": "Demo Bakery", "timezone": "America/Toronto", "status": "ACTIVE"}]}
            ),
            ("GET", "/v2/merchants/{merchant_id}"): self._merchant,
            ("POST", "/v2/customers/search"): self._search_customers,
            ("POST", "/v2/customers"): self._create_customer,
            ("POST", "/v2/orders/search"): self._search_orders,
            ("GET", "/v2/orders/{order_id}"): self._order,
            ("POST", "/v2/bookings/availability/search"): self._search_availability,
            ("GET", "/v2/bookings"): self._list_bookings,
            ("POST", "/v2/bookings"): self._book,
            ("PUT", "/v2/bookings/{booking_id}"): self._move,
            ("POST", "/v2/bookings/{booking_id}/cancel"): self._cancel,
            ("POST", "/v2/catalog/search-catalog-items"): self._search_items,
        }

    def authorized(self, asked: Asked) -> bool:
        return bearer(asked) == self.token

    def unauthorized(self) -> web.Response:
        return self._sent(_error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "This request could not be authorized."))

    def limited(self) -> web.Response:
        return self._sent(_error(429, "RATE_LIMIT_ERROR", "RATE_LIMITED", "Your request has been rate limited."))

    def failed(self) -> web.Response:
        return self._sent(_error(500, "API_ERROR", "INTERNAL_SERVER_ERROR", "An internal error has occurred."))

    def not_found(self, what: str) -> Answer:
        return _error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", f"Resource {what} not found.")

    def invalid(self, what: str) -> Answer:
        return _error(400, "INVALID_REQUEST_ERROR", "BAD_REQUEST", what)

    def headers(self) -> dict[str, str]:
        return {"Square-Version": VERSION}

    def answer(self, asked: Asked) -> web.Response:
        if asked.headers.get("Square-Version") != VERSION:
            self.problem(f"Square-Version {asked.headers.get('Square-Version')}")
        return super().answer(asked)

    def book(self, start_at: str, of: Record = ADA, *, status: str = "ACCEPTED") -> Record:
        """A booking that is there already."""
        made = {
            "id": f"booking{len(self.bookings) + 1:06}", "version": 0, "status": status, "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z", "start_at": start_at, "location_id": LOCATION, "customer_id": of["id"],
            "appointment_segments": [
                {"duration_minutes": 60, "service_variation_id": SERVICE, "team_member_id": STYLIST,
                 "service_variation_version": self.service_version},
            ],
            "source": "API",
        }  # fmt: skip
        self.bookings.append(made)
        return made

    def _search_customers(self, asked: Asked) -> Answer:
        filters = _inside(asked.json, "query", "filter")
        found = [one for one in self.customers if all(_text_fits(one.get(name), rule) for name, rule in filters.items())]
        page = found[: (asked.json or {}).get("limit", 100)]
        return Answer({"customers": page} if page else {})

    def _create_customer(self, asked: Asked) -> Answer:
        given = dict(asked.json)
        key = given.pop("idempotency_key", None)
        if not {"given_name", "family_name", "company_name", "email_address", "phone_number"} & given.keys():
            return self.invalid(
                "At least one of given_name, family_name, company_name, email_address or phone_number is required."
            )

        def create() -> Answer:
            made = customer(len(self.customers) + 1, "", "", "", "", "") | given
            self.customers.append(made)
            return Answer({"customer": made})

        return self.once(key, asked.json, create, reused=_key_reused)

    def _search_orders(self, asked: Asked) -> Answer:
        if not asked.json.get("location_ids"):
            return self.invalid("Field must be set: location_ids.")
        filters = _inside(asked.json, "query", "filter")
        wanted = (filters.get("customer_filter") or {}).get("customer_ids")
        states = (filters.get("state_filter") or {}).get("states")
        found = [
            one
            for one in self.orders
            if one["location_id"] in asked.json["location_ids"]
            and (wanted is None or one["customer_id"] in wanted)
            and (states is None or one["state"] in states)
        ]
        limit = asked.json.get("limit", 500)
        page = sorted(found, key=lambda one: one["created_at"], reverse=True)[:limit]
        return Answer({"orders": page} | ({"cursor": "c2"} if len(found) > limit else {}) if page else {})

    def _order(self, asked: Asked, order_id: str) -> Answer:
        found = next((one for one in self.orders if one["id"] == order_id), None)
        return Answer({"order": found}) if found is not None else self.not_found(order_id)

    def _merchant(self, asked: Asked, merchant_id: str) -> Answer:
        known = merchant_id in ("me", self.merchant["id"])
        return Answer({"merchant": self.merchant}) if known else self.not_found(merchant_id)

    def _search_availability(self, asked: Asked) -> Answer:
        filters = _inside(asked.json, "query", "filter")
        begin, end = (_moment(filters["start_at_range"][name]) for name in ("start_at", "end_at"))
        if not timedelta(hours=24) <= end - begin <= timedelta(days=32):
            return self.invalid("The range must be between 24 hours and 32 days.")
        own = filters.get("booking_id")
        if own is not None and filters.keys() & {"location_id", "segment_filters"}:
            return self.invalid("booking_id cannot be set together with location_id or segment_filters.")
        if own is not None and not any(one["id"] == own for one in self.bookings):
            return self.not_found(own)
        wanted = {one["service_variation_id"] for one in filters.get("segment_filters") or ()}
        free: list[Record] = []
        at = begin.replace(minute=0, second=0, microsecond=0) - SLOT
        while at < end and wanted <= {SERVICE}:
            at += SLOT
            if begin <= at < end and self._is_open(at) and not self._is_taken(at, but=own):
                segment = {"duration_minutes": 60, "service_variation_id": SERVICE, "team_member_id": STYLIST,
                           "service_variation_version": self.service_version}  # fmt: skip
                free.append({"start_at": _text(at), "location_id": LOCATION, "appointment_segments": [segment]})
        return Answer({"availabilities": free})

    def _list_bookings(self, asked: Asked) -> Answer:
        wanted = {name: value for name, value in asked.query if name in ("customer_id", "location_id", "team_member_id")}
        least = _moment(asked.one("start_at_min") or datetime.now(UTC).isoformat())
        latest = least + timedelta(days=31)
        found = [
            one
            for one in self.bookings
            if all(one.get(name) == value for name, value in wanted.items()) and least <= _moment(one["start_at"]) <= latest
        ]
        page = sorted(found, key=lambda one: one["start_at"])[: int(asked.one("limit") or 100)]
        return Answer({"bookings": page} if page else {})

    def _book(self, asked: Asked) -> Answer:
        given = asked.json["booking"]
        segments = given.get("appointment_segments") or [{}]
        for name, holder in (("start_at", given), ("location_id", given), ("service_variation_id", segments[0]),
                             ("service_variation_version", segments[0])):  # fmt: skip
            if not holder.get(name):
                return _error(400, "INVALID_REQUEST_ERROR", "MISSING_REQUIRED_PARAMETER", f"Missing required parameter: {name}")

        def create() -> Answer:
            if not any(one["id"] == given.get("customer_id") for one in self.customers):
                return self.not_found(given.get("customer_id", "customer"))
            if segments[0]["service_variation_version"] != self.service_version:
                return self.invalid("The version of the service variation is not the current one.")
            if segments[0]["team_member_id"] != STYLIST:
                return self.not_found(segments[0]["team_member_id"])
            at = _moment(given["start_at"])
            if not self.seller_level and (not self._is_open(at) or self._is_taken(at)):
                return self.invalid("The requested time is not available.")
            made = self.book(_text(at))
            made |= {"customer_id": given["customer_id"]} | {n: v for n, v in given.items() if n in ("customer_note",)}
            return Answer({"booking": made})

        return self.once(asked.json.get("idempotency_key"), asked.json, create, reused=_key_reused)

    def _move(self, asked: Asked, booking_id: str) -> Answer:
        given = asked.json["booking"]

        def move() -> Answer:
            found = next((one for one in self.bookings if one["id"] == booking_id), None)
            refused = self._stale(found, booking_id, given.get("version"))
            if refused is not None or found is None:
                return refused or self.not_found(booking_id)
            at = _moment(given["start_at"])
            if not self.seller_level and (not self._is_open(at) or self._is_taken(at, but=booking_id)):
                return self.invalid("The requested time is not available.")
            found |= {"start_at": _text(at), "version": found["version"] + 1}
            return Answer({"booking": copy.deepcopy(found)})

        return self.once(asked.json.get("idempotency_key"), [booking_id, asked.json], move, reused=_key_reused)

    def _cancel(self, asked: Asked, booking_id: str) -> Answer:
        given = asked.json or {}

        def cancel() -> Answer:
            found = next((one for one in self.bookings if one["id"] == booking_id), None)
            refused = self._stale(found, booking_id, given.get("booking_version"))
            if refused is not None or found is None:
                return refused or self.not_found(booking_id)
            if found["status"] != "ACCEPTED":
                return self.invalid('cannot transition via "seller_cancel"')
            found |= {"status": "CANCELLED_BY_SELLER", "version": found["version"] + 1}
            return Answer({"booking": copy.deepcopy(found)})

        return self.once(given.get("idempotency_key"), [booking_id, given], cancel, reused=_key_reused)

    def _stale(self, found: Record | None, booking_id: str, version: int | None) -> Answer | None:
        """The refusal of a change that is not of the booking as it is now. Who keeps others' changes names a version."""
        if version is None:
            self.problem(f"{booking_id} is changed without its version")
        if found is not None and version != found["version"]:
            return _error(409, "INVALID_REQUEST_ERROR", "VERSION_MISMATCH", "The booking has changed.")
        return None

    def _search_items(self, asked: Asked) -> Answer:
        words = str((asked.json or {}).get("text_filter", "")).casefold().split()
        found = [one for one in self.items if all(word in one["item_data"]["name"].casefold() for word in words)]
        return Answer({"items": found[: (asked.json or {}).get("limit", 100)]} if found else {})

    def _is_open(self, at: datetime) -> bool:
        return at.weekday() < 5 and self.open_hours[0] <= at.hour < self.open_hours[1] and at.minute == 0

    def _is_taken(self, at: datetime, *, but: str | None = None) -> bool:
        standing = [one for one in self.bookings if one["status"] in ("ACCEPTED", "PENDING") and one["id"] != but]
        held = [_moment(one["start_at"]) for one in standing]
        return any(abs(one - at) < SLOT for one in held)


def _inside(body: Any, *names: str) -> Record:
    for name in names:
        body = (body or {}).get(name)
    return body or {}


def _text_fits(kept: str | None, rule: Any) -> bool:
    kept = (kept or "").casefold()
    if "exact" in rule:
        return kept == rule["exact"].casefold()
    return rule.get("fuzzy", "").casefold() in kept


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key_reused() -> Answer:
    return _error(400, "INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED", "Different request parameters used for the same key.")


def _error(status: int, category: str, code: str, detail: str) -> Answer:
    return Answer({"errors": [{"category": category, "code": code, "detail": detail}]}, status)

"""A simulated Stripe account: customers, invoices, payments and charges, by list and by search, as of API version 2020-08-27."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.providers.provider import Asked, bearer
from tests.servers.providers.rest import Answer, RestProvider, Work
from tests.servers.providers.search_language import Operator, SearchInvalid, Term, applied, terms_of
from tests.servers.providers.vendor import VendorDocument, vendor_document

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
RESTRICTED = "rk_live_51NqLyjWDarjtT1zdp7dc4eC39Hq"
MOST_CLAUSES = 10
# Which fields can be searched, and those of them that a part is enough of. Source: https://docs.stripe.com/search
FIELDS = {
    "/v1/customers/search": frozenset({"created", "email", "name", "phone"}),
    "/v1/invoices/search": frozenset({"created", "currency", "customer", "number", "status", "subscription", "total"}),
    "/v1/payment_intents/search": frozenset({"amount", "created", "currency", "customer", "status"}),
}
IN_PARTS = frozenset({"email", "name", "number"})
SHORTEST_PART = 3
VERSION = "2020-08-27"
Record = dict[str, Any]


def customer(number: int, name: str, email: str, phone: str, postcode: str, **more: Any) -> Record:
    """A customer."""
    return {
        "id": f"cus_{number:014}", "object": "customer", "created": 1_767_225_600 + number, "livemode": False, "name": name,
        "email": email, "phone": phone, "balance": 0, "currency": "usd", "delinquent": False, "description": None, "metadata": {},
        "address": {"line1": "1 Example Street", "line2": None, "city": "Toronto", "state": "ON", "postal_code": postcode,
                    "country": "CA"},
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "default_source": None, "discount": None,
        "invoice_prefix": f"INV{number}", "next_invoice_sequence": 2, "test_clock": None,
    } | more  # fmt: skip


def invoice(number: int, of: Record, status: str, total: int, *, currency: str = "usd", due: int | None = None) -> Record:
    """An invoice of a customer; a paid one is paid in full."""
    paid = total if status == "paid" else 0
    return {
        "id": f"in_{number:014}", "object": "invoice", "number": f"{of['invoice_prefix']}-{number:04}", "customer": of["id"],
        "customer_name": of["name"], "customer_email": of["email"], "customer_phone": of["phone"], "currency": currency,
        "status": status, "paid": status == "paid", "amount_due": total, "amount_paid": paid, "amount_remaining": total - paid,
        "total": total, "subtotal": total, "due_date": due, "created": 1_790_000_000 + number, "livemode": False,
        "attempt_count": 1, "attempted": True, "automatic_tax": {"enabled": False, "status": None},
        "collection_method": "send_invoice", "default_tax_rates": [], "paid_out_of_band": False,
        "payment_settings": {"payment_method_options": None, "payment_method_types": None},
        "period_end": 1_790_000_000, "period_start": 1_787_400_000, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "starting_balance": 0,
        "status_transitions": {"finalized_at": 1_790_000_100, "marked_uncollectible_at": None,
                               "paid_at": 1_790_100_000 if paid else None, "voided_at": None},
        "total_tax_amounts": [], "hosted_invoice_url": f"https://invoice.example.com/{number}", "description": None,
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/in_{number:014}/lines"},
    }  # fmt: skip


def payment(number: int, of: Record, status: str, amount: int, description: str, *, currency: str = "usd") -> Record:
    """A payment intent of a customer."""
    return {
        "id": f"pi_{number:014}", "object": "payment_intent", "amount": amount, "currency": currency, "customer": of["id"],
        "amount_received": amount if status == "succeeded" else 0, "amount_capturable": 0, "capture_method": "automatic",
        "confirmation_method": "automatic", "created": 1_791_000_000 + number, "livemode": False,
        "payment_method_types": ["card"], "status": status, "description": description, "metadata": {},
        "last_payment_error": None, "receipt_email": of["email"], "client_secret": f"pi_{number}_secret", "canceled_at": None,
    }  # fmt: skip


ADA = customer(1, "Ada Byron", "ada@example.com", "+14155550132", "M5V 2T6")
ALAN = customer(2, "Alan T", "alan@example.com", "+14155550199", "K1A 0B1")


@dataclass
class Stripe(RestProvider):
    """``customers``, ``invoices`` and ``payments`` may be changed while it runs. ``key`` opens it; a restricted one (``rk_``) may
    not ask whose account it is.
    """

    key: str = KEY
    account: Record = field(
        default_factory=lambda: {
            "id": "acct_1032D82eZvKYlo2C", "object": "account", "country": "CA", "email": "owner@engines.example",
            "business_profile": {"name": "Engines Ltd", "url": None},
            "settings": {"branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
                         "card_payments": {"statement_descriptor_prefix": None},
                         "dashboard": {"display_name": "Engines", "timezone": "America/Toronto"},
                         "payments": {"statement_descriptor": None, "statement_descriptor_kana": None,
                                      "statement_descriptor_kanji": None}},
        }
    )  # fmt: skip
    customers: list[Record] = field(default_factory=lambda: copy.deepcopy([ADA, ALAN]))
    invoices: list[Record] = field(
        default_factory=lambda: [
            invoice(1, ADA, "paid", 12_990),
            invoice(2, ADA, "open", 4_500, due=1_797_292_800),
            invoice(3, ALAN, "open", 99_900),
            invoice(4, ADA, "open", 700, currency="eur"),
        ]
    )
    payments: list[Record] = field(
        default_factory=lambda: [
            payment(1, ADA, "succeeded", 12_990, "Annual plan"),
            payment(2, ADA, "requires_payment_method", 4_500, "Spare parts"),
            payment(3, ALAN, "succeeded", 100, "Deposit"),
        ]
    )

    @property
    def judge(self) -> VendorDocument | None:
        return vendor_document("stripe", "spec3.json")

    @property
    def routes(self) -> dict[tuple[str, str], Work]:
        return {
            ("GET", "/v1/account"): lambda _asked: self._account(),
            ("GET", "/v1/customers"): lambda asked: self._listed(asked, self.customers, "/v1/customers", ("email",)),
            ("GET", "/v1/customers/search"): lambda asked: self._searched(asked, self.customers),
            ("GET", "/v1/customers/{customer}"): lambda _asked, id: self._one(self.customers, id, "customer"),
            ("GET", "/v1/invoices"): lambda asked: self._listed(asked, self.invoices, "/v1/invoices", ("customer", "status")),
            ("GET", "/v1/invoices/search"): lambda asked: self._searched(asked, self.invoices),
            ("GET", "/v1/payment_intents"): lambda asked: self._listed(
                asked, self.payments, "/v1/payment_intents", ("customer",)
            ),
            ("GET", "/v1/payment_intents/search"): lambda asked: self._searched(asked, self.payments),
            ("GET", "/v1/payment_intents/{intent}"): lambda _asked, id: self._one(self.payments, id, "payment_intent"),
        }

    def authorized(self, asked: Asked) -> bool:
        return bearer(asked) == self.key

    def unauthorized(self) -> web.Response:
        return self._refused(401, "invalid_request_error", "Invalid API Key provided: sk_test_****")

    def limited(self) -> web.Response:
        return self._refused(429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")

    def failed(self) -> web.Response:
        return self._refused(500, "api_error", "An error occurred.")

    def not_found(self, what: str) -> Answer:
        return _error(404, f"No such thing: '{what}'", code="resource_missing")

    def invalid(self, what: str) -> Answer:
        return _error(400, f"Received unknown parameter: {what}", code="parameter_unknown")

    def headers(self) -> dict[str, str]:
        return {"Stripe-Version": VERSION, "Request-Id": f"req_{len(self.asked):014}"}

    def answer(self, asked: Asked) -> web.Response:
        if asked.headers.get("Stripe-Version") != VERSION:
            self.problem(f"Stripe-Version {asked.headers.get('Stripe-Version')}")
        return super().answer(asked)

    def _refused(self, status: int, type_: str, message: str, code: str | None = None) -> web.Response:
        error = {"type": type_, "message": message} | ({"code": code} if code else {})
        return web.json_response({"error": error}, status=status, headers=self.headers())

    def _one(self, records: list[Record], id: str, what: str) -> Answer:
        found = next((one for one in records if one["id"] == id), None)
        return Answer(found) if found is not None else _error(404, f"No such {what}: '{id}'", code="resource_missing", param=what)

    def _account(self) -> Answer:
        if self.key.startswith("rk_"):
            said = "The provided key 'rk_live_****' does not have the required permissions for this endpoint."
            return _error(403, said)
        return Answer(self.account)

    def _listed(self, asked: Asked, records: list[Record], url: str, filters: tuple[str, ...]) -> Answer:
        wanted = {name: value for name, value in asked.query if name in filters}
        found = [one for one in records if all(one[name] == value for name, value in wanted.items())]
        limit = _limit(asked)
        if limit is None:
            return _error(400, "This value must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
        page = sorted(found, key=lambda one: -one["created"])[:limit]
        return Answer({"object": "list", "data": page, "has_more": len(found) > limit, "url": url})

    def _searched(self, asked: Asked, records: list[Record]) -> Answer:
        query, limit = asked.one("query"), _limit(asked)
        if not query:
            return _error(400, "Missing required param: query.", code="parameter_missing", param="query")
        if limit is None:
            return _error(400, "This value must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
        fields = FIELDS[asked.path]
        try:
            _check_clauses(query, fields)
            found = [one for one in records if applied(query, _matches(one))]
        except SearchInvalid as invalid:
            self.problem(str(invalid))
            return _error(400, f"We were unable to parse your search query: {invalid}", param="query")
        begin = int((asked.one("page") or "p0").removeprefix("p"))
        page = sorted(found, key=lambda one: -one["created"])[begin : begin + limit]
        after = begin + limit if len(found) > begin + limit else None
        return Answer(
            {
                "object": "search_result",
                "data": page,
                "has_more": after is not None,
                "next_page": None if after is None else f"p{after}",
                "url": asked.path,
            }
        )


def _limit(asked: Asked) -> int | None:
    limit = int(asked.one("limit") or 10)
    return limit if 1 <= limit <= 100 else None


def _check_clauses(query: str, fields: frozenset[str]) -> None:
    """What the language does not take: parentheses, AND beside OR, many clauses, other fields, and short parts."""
    tokens = terms_of(query)
    words = {token.text for token in tokens if isinstance(token, Operator)}
    terms = [token for token in tokens if isinstance(token, Term)]
    if words & {"(", ")"}:
        raise SearchInvalid("parentheses are not supported")
    if "OR" in words and (len(terms) > sum(token == Operator("OR") for token in tokens) + 1 or "AND" in words):
        raise SearchInvalid("AND and OR cannot be combined")
    if len(terms) > MOST_CLAUSES:
        raise SearchInvalid(f"at most {MOST_CLAUSES} clauses")
    for term in terms:
        if term.field not in fields:
            raise SearchInvalid(f"the field {term.field} cannot be searched")
        if term.comparator == "~" and (term.field not in IN_PARTS or len(term.value) < SHORTEST_PART):
            raise SearchInvalid(f"no part of {term.field} can be searched by {term.value!r}")


def _matches(one: Record) -> Callable[[Term], bool]:
    def matches(term: Term) -> bool:
        assert term.field is not None
        kept, wanted = str(one[term.field] or "").casefold(), term.value.casefold()
        return wanted in kept if term.comparator == "~" else kept == wanted

    return matches


def _error(status: int, message: str, *, code: str | None = None, param: str | None = None) -> Answer:
    told = {"type": "invalid_request_error", "message": message, "code": code, "param": param}
    return Answer({"error": {name: value for name, value in told.items() if value is not None}}, status)

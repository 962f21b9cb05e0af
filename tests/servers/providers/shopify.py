"""A simulated Shopify store: the Admin GraphQL API as far as order look-ups, customers and products need it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

from tests.servers.providers.provider import Asked
from tests.servers.providers.relay import GraphqlProvider, Resolver, refusing
from tests.servers.providers.search_language import SearchInvalid, Term, applied

TOKEN = "shpat_0123456789abcdef0123456789abcdef"
SHOP = "demo-store.myshopify.com"
VERSION = "2026-01"
Record = dict[str, Any]
Matcher = Callable[[Callable[[str], None], Record, Term], bool]


def money(amount: str, currency: str = "CAD") -> Record:
    """A money bag in the shop's own currency."""
    one = {"amount": amount, "currencyCode": currency}
    return {"shopMoney": one, "presentmentMoney": one}


def customer(number: int, first: str, last: str, email: str | None, phone: str | None, **more: Any) -> Record:
    """A customer; the orders are found by who they are of."""
    return {
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "defaultAddress": {"id": f"gid://shopify/MailingAddress/{number}", "city": "Toronto", "zip": "M5V 2T6"},
        "firstName": first,
        "lastName": last,
        "displayName": f"{first} {last}",
        "defaultEmailAddress": {"emailAddress": email} if email else None,
        "defaultPhoneNumber": {"phoneNumber": phone} if phone else None,
        "state": "ENABLED",
        "tags": [],
        "createdAt": "2025-03-01T12:00:00Z",
    } | more


def order(number: int, of: Record, status: str, total: str, **more: Any) -> Record:
    """An order of a customer, paid and not shipped unless said otherwise."""
    email = of["defaultEmailAddress"]
    return {
        "id": f"gid://shopify/Order/{5_000_000_000_000 + number}",
        "name": f"#{number}",
        "confirmationNumber": f"CN{number}X",
        "email": email and email["emailAddress"],
        "phone": None,
        "note": None,
        "createdAt": f"2026-11-{number % 20 + 1:02}T15:30:00Z",
        "processedAt": f"2026-11-{number % 20 + 1:02}T15:30:00Z",
        "cancelledAt": None,
        "cancelReason": None,
        "closed": False,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": status,
        "currentTotalPriceSet": money(total),
        "totalPriceSet": money(total),
        "customer": of,
        "shippingAddress": {"id": f"gid://shopify/MailingAddress/{number}", "address1": "1 Example Street", "city": "Toronto"},
        "statusPageUrl": f"https://{SHOP}/orders/{number}",
        "tags": [],
        "fulfillments": [],
        "lineItems": [],
    } | more


def shipment(number: int, state: str, *, company: str, tracking: str, expected: str | None = None) -> Record:
    """One shipment of an order with its tracking."""
    return {
        "id": f"gid://shopify/Fulfillment/{number}",
        "name": f"#{number}-F1",
        "createdAt": "2026-11-20T09:00:00Z",
        "status": "SUCCESS",
        "displayStatus": state,
        "estimatedDeliveryAt": expected,
        "inTransitAt": "2026-11-21T08:00:00Z",
        "deliveredAt": None,
        "totalQuantity": 1,
        "trackingInfo": [{"company": company, "number": tracking, "url": f"https://track.example.com/{tracking}"}],
    }


def item(number: int, title: str, quantity: int = 1, sku: str | None = None) -> Record:
    """A line of an order."""
    return {
        "id": f"gid://shopify/LineItem/{number}", "name": title, "title": title, "quantity": quantity,
        "currentQuantity": quantity, "sku": sku, "variantTitle": None,
    }  # fmt: skip


def product(number: int, title: str, price: str, inventory: int, **more: Any) -> Record:
    """A product with one variant."""
    one = {"amount": price, "currencyCode": "CAD"}
    variant = {
        "id": f"gid://shopify/ProductVariant/{number}", "title": "Default Title", "displayName": title, "sku": f"SKU-{number}",
        "price": price, "inventoryQuantity": inventory, "availableForSale": inventory > 0,
    }  # fmt: skip
    return {
        "id": f"gid://shopify/Product/{number}",
        "title": title,
        "handle": title.lower().replace(" ", "-"),
        "description": f"{title}, made to last.",
        "status": "ACTIVE",
        "vendor": "Demo Store",
        "productType": "Kettle",
        "totalInventory": inventory,
        "tracksInventory": True,
        "priceRangeV2": {"minVariantPrice": one, "maxVariantPrice": one},
        "onlineStoreUrl": f"https://{SHOP}/products/{number}",
        "variants": [variant],
    } | more


ADA = customer(1, "Ada", "Byron", "ada@example.com", "+14155550132")
ALAN = customer(2, "Alan", "T", "alan@example.com", "+14155550199")
SHIPPED = shipment(9001, "IN_TRANSIT", company="Canada Post", tracking="7035114477138472", expected="2026-12-02T20:00:00Z")
ORDERS = (
    order(1001, ADA, "FULFILLED", "129.90", fulfillments=[SHIPPED],
          lineItems=[item(1, "Copper kettle"), item(2, "Tea towel", 2)]),
    order(1002, ADA, "UNFULFILLED", "24.00", lineItems=[item(3, "Tea towel", 3)]),
    order(1003, ALAN, "FULFILLED", "310.00", cancelledAt="2026-11-25T10:00:00Z", cancelReason="CUSTOMER",
          displayFinancialStatus="REFUNDED", lineItems=[item(4, "Enigma print")]),
)  # fmt: skip
PRODUCTS = (
    product(1, "Copper kettle", "105.90", 4),
    product(2, "Tea towel", "12.00", 0),
    product(3, "Steel kettle", "59.00", 11),
)


@dataclass
class Shopify(GraphqlProvider):
    """``orders``, ``customers`` and ``products`` may be changed while it runs."""

    schema_name: str = "shopify"
    endpoint: str = f"/admin/api/{VERSION}/graphql.json"
    token: str = TOKEN
    orders: list[Record] = field(default_factory=lambda: copy.deepcopy(list(ORDERS)))
    customers: list[Record] = field(default_factory=lambda: copy.deepcopy([ADA, ALAN]))
    products: list[Record] = field(default_factory=lambda: copy.deepcopy(list(PRODUCTS)))

    def authorized(self, asked: Asked) -> bool:
        return asked.headers.get("X-Shopify-Access-Token") == self.token

    def unauthorized(self) -> web.Response:
        said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return web.json_response({"errors": said}, status=401)

    def unsized(self) -> int:
        raise refusing("you must provide one of first or last", "BAD_REQUEST")

    @property
    def resolvers(self) -> Mapping[str, Resolver]:
        return {
            "QueryRoot.shop": lambda _root: {
                "id": "gid://shopify/Shop/1", "name": "Demo Store", "myshopifyDomain": SHOP, "email": "owner@example.com",
                "currencyCode": "CAD",
            },
            "QueryRoot.order": lambda _root, id: _by_id(self.orders, id),
            "QueryRoot.customer": lambda _root, id: _by_id(self.customers, id),
            "QueryRoot.product": lambda _root, id: _by_id(self.products, id),
            "QueryRoot.orders": lambda _root, **page: self._found(self.orders, _order_matches, page, "processedAt"),
            "QueryRoot.customers": lambda _root, **page: self._found(self.customers, _customer_matches, page, "id"),
            "QueryRoot.products": lambda _root, **page: self._found(self.products, _product_matches, page, "id"),
            "Customer.orders": lambda one, **page: self._found(self._of(one), _order_matches, page, "id"),
            "Customer.lastOrder": lambda one: max(self._of(one), key=lambda order: order["createdAt"], default=None),
            "Customer.numberOfOrders": lambda one: str(len(self._of(one))),
            "Customer.amountSpent": lambda one: {
                "amount": str(sum(float(order["totalPriceSet"]["shopMoney"]["amount"]) for order in self._of(one))),
                "currencyCode": "CAD",
            },
            "Mutation.orderUpdate": self._update,
        }  # fmt: skip

    def _of(self, one: Record) -> list[Record]:
        return [order for order in self.orders if order["customer"] and order["customer"]["id"] == one["id"]]

    def _found(self, records: list[Record], matches: Matcher, page: Record, key: str) -> list[Record]:
        if page.get("first") is None and page.get("last") is None:
            self.problem("a connection without its size")
        sort = {"CREATED_AT": "createdAt", "UPDATED_AT": "createdAt", "PROCESSED_AT": "processedAt"}.get(
            page.get("sortKey", ""), key
        )
        try:
            query = page.get("query") or ""
            found = [one for one in records if applied(query, partial(matches, self.problem, one))]
        except SearchInvalid as invalid:
            self.problem(str(invalid))
            return []
        return sorted(found, key=lambda one: one.get(sort, one["id"]), reverse=bool(page.get("reverse")))

    def _update(self, _root: Any, input: Record) -> Record:
        found = _by_id(self.orders, input["id"])
        if found is None:
            return {"order": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}
        found |= {name: value for name, value in input.items() if name != "id"}
        return {"order": found, "userErrors": []}

    def limited(self) -> web.Response:
        body = json.loads(super().limited().body or b"{}")
        return web.json_response(body, headers={"X-Shopify-API-Version": VERSION})


def _by_id(records: list[Record], id: str) -> Record | None:
    return next((one for one in records if one["id"] == id), None)


def _same(kept: Any, term: Term) -> bool:
    text, wanted = str(kept or "").casefold(), term.value.casefold()
    return text.startswith(wanted) if term.prefix else text == wanted


def _order_matches(problem: Callable[[str], None], one: Record, term: Term) -> bool:
    if term.field == "name":
        return _same(one["name"].removeprefix("#"), term._replace(value=term.value.removeprefix("#")))
    if term.field == "email":
        return _same(one["email"], term)
    if term.field == "customer_id":
        return str((one["customer"] or {}).get("id", "")).endswith(f"/{term.value}")
    if term.field == "confirmation_number":
        return _same(one["confirmationNumber"], term)
    if term.field == "status":
        return term.value == "any" or (term.value == "cancelled") == bool(one["cancelledAt"])
    if term.field == "fulfillment_status":
        return term.value == {"FULFILLED": "shipped", "UNFULFILLED": "unshipped"}.get(one["displayFulfillmentStatus"])
    if term.field is None:
        return any(_same(kept, term) for kept in (one["name"].removeprefix("#"), one["email"], one["customer"]["displayName"]))
    problem(f"orders have no filter {term.field}")
    return True  # an unknown filter is left out, with a warning


def _customer_matches(problem: Callable[[str], None], one: Record, term: Term) -> bool:
    email = (one["defaultEmailAddress"] or {}).get("emailAddress")
    phone = (one["defaultPhoneNumber"] or {}).get("phoneNumber")
    kept = {"email": email, "phone": phone, "first_name": one["firstName"], "last_name": one["lastName"]}
    if term.field in kept:
        return _same(kept[term.field], term)
    if term.field is None:
        return any(_same(value, term) for value in (*kept.values(), one["displayName"]))
    problem(f"customers have no filter {term.field}")
    return True


def _product_matches(problem: Callable[[str], None], one: Record, term: Term) -> bool:
    if term.field in ("title", None):
        words = one["title"].casefold().split()
        wanted = term.value.casefold().split()
        return bool(wanted) and all(
            any(word.startswith(part) if term.prefix else word == part for word in words) for part in wanted
        )
    if term.field == "sku":
        return any(_same(variant["sku"], term) for variant in one["variants"])
    if term.field == "status":
        return _same(one["status"], term)
    problem(f"products have no filter {term.field}")
    return True

"""The canonical parameters: what an agent calls the things it asks callers for, whatever system is behind it.

A parameter that is not here is as good; these are known by what they mean, so that a binding can be judged (does this tell who
the caller is?) and described without more words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, cast

import msgspec

from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.naming import singular_word, split_words

Meaning = Literal["person", "record", "detail"]
Normal = Literal["phone", "email", "spaces", "none"]
"""What is done to a value before it is compared or sent, beside reading it as its type. ``phone``: its one full number, in every
spelling of the column. ``email``: the usual spellings in small and capital letters. ``spaces``: white space around it is taken
off and inside it is one space. Nothing else is changed: neither case, nor ``#`` or ``-``, which some systems keep and others not.
"""


_SPELLED: dict[str, Normal] = {"caller_phone": "phone", "caller_email": "email"}


class Parameter(msgspec.Struct, frozen=True):
    """One canonical parameter.

    ``words`` are the ways a parameter or a column says the same, each a run of words (``mobile``, ``phone number``). ``means``:
    it tells who somebody is (``person``), which record is meant (``record``), or neither (``detail``).
    """

    name: str
    type: FieldType
    description: str
    words: tuple[str, ...]
    means: Meaning

    @property
    def normal(self) -> Normal:
        """What is done to its values where the column or argument is text."""
        if self.type != "string":
            return "none"
        return _SPELLED.get(self.name, "spaces")


_TABLE = """
caller_phone      | string | person | The caller's phone number
  phone, mobile, cell, cellphone, telephone, tel, msisdn, fax, caller number, contact number, mobile number
caller_email      | string | person | The caller's e-mail address
  email, e mail, mail address, email address
caller_name       | string | person | The caller's name
  caller name, full name, customer name, contact name, first name, last name, given name, family name, surname, forename
date_of_birth     | date   | person | The caller's date of birth
  date of birth, birth date, birthdate, birthday, dob, born
account_number    | string | person | The caller's account or customer number
  account, account number, account no, account id, account code, customer number, customer no, customer id, client id,
  client number, patient id, patient number, member id, member number, membership number, user id, username, login,
  loyalty number, policy number, contact id
national_id       | string | person | A number the state knows the caller by
  ssn, social security number, national id, passport number, passport, tax id, driver licence, driver license, nino
service_address   | string | person | The address of the visit or delivery
  service address, address, street, address line, street address
postcode          | string | person | The postal code
  postcode, post code, postal code, zip, zip code, zipcode
order_number      | string | record | The number of the order
  order number, order no, order id, order ref, order reference, order code, purchase order
invoice_number    | string | record | The number of the invoice
  invoice number, invoice no, invoice id, bill number
booking_reference | string | record | The reference of the booking or appointment
  booking reference, booking number, booking id, booking ref, appointment id, appointment number, reservation number,
  reservation id, confirmation number, confirmation code
ticket_number     | string | record | The number of the ticket or case
  ticket number, ticket id, ticket no, case number, case id, case no, request number, job number
tracking_number   | string | record | The number a parcel is tracked by
  tracking number, tracking code, tracking id, parcel number
product_name      | string | detail | The name of the product
  product name, item name, article name
sku               | string | detail | The code of the product
  sku, product code, item code, article number, upc, ean
service_name      | string | detail | The service asked for
  service name, service type, treatment, procedure
preferred_date    | date   | detail | The day that suits the caller
  preferred date, preferred day, requested date, desired date
preferred_time    | time   | detail | The time of day that suits the caller
  preferred time, requested time, desired time
location_name     | string | detail | The branch or place meant
  location name, branch, branch name, store name, site name, shop name
"""
"""``name | type | means | description`` and, indented below, the words it goes by."""


def _read_table(table: str) -> Iterator[Parameter]:
    for entry in re.split(r"\n(?=\w)", table.strip()):
        head, _, words = entry.partition("\n")
        name, kind, means, description = (cell.strip() for cell in head.split("|"))
        spoken = tuple(word.strip() for word in words.replace("\n", " ").split(","))
        yield Parameter(name, cast(FieldType, kind), description, spoken, cast(Meaning, means))


PARAMETERS: tuple[Parameter, ...] = tuple(_read_table(_TABLE))
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}

SESSION_FACTS: dict[str, str] = {
    "caller_number": "the number the channel says the caller rings from",
    "caller_name": "the name the channel gives",
    "visitor": "what the site that embeds the chat says of its visitor",
}
"""What a channel may know of a conversation: the usual keys of inputs with source ``session``."""
_SESSION_KEYS = {"caller_phone": "caller_number"}

_PEOPLE = frozenset(
    {
        "account", "applicant", "buyer", "caller", "client", "contact", "customer", "donor", "employee", "guest", "household",
        "lead", "member", "owner", "partner", "passenger", "patient", "people", "person", "policyholder", "prospect", "resident",
        "shopper", "staff", "student", "subscriber", "tenant", "user",
    }
)  # fmt: skip
_ABOUT_PHONES = frozenset(
    {
        "carrier", "code", "consent", "count", "country", "ext", "extension", "id", "kind", "label", "model", "ok", "opt", "plan",
        "prefix", "provider", "status", "type", "valid", "verified",
    }
)  # fmt: skip
_ABOUT_EMAILS = frozenset(
    {
        "body", "code", "consent", "count", "domain", "flag", "frequency", "hash", "id", "kind", "log", "opt", "preference",
        "promotion", "provider", "sent", "status", "subject", "template", "text", "title", "token", "type", "valid", "verified",
    }
)  # fmt: skip
_NUMBER_WORDS = frozenset({"number", "no", "num", "nr", "id", "ref", "reference", "code", "key", "uuid"})


@lru_cache(maxsize=4096)
def meaning_of(name: str) -> Parameter | None:
    """The canonical parameter that ``name`` (of a parameter or a column) says, or None. The longest run of words wins."""
    exact = BY_NAME.get(name)
    if exact is not None:
        return exact
    words = split_words(name)
    said = f" {' '.join(words)} "
    best: tuple[int, Parameter] | None = None
    for parameter in PARAMETERS:
        for known in parameter.words:
            length = len(known.split())
            if f" {known} " in said and (best is None or length > best[0]):
                best = (length, parameter)
    return best[1] if best else None


def is_tidied(param: str) -> bool:
    """Whether white space in the values of a parameter means nothing."""
    known = BY_NAME.get(param)
    return known is not None and known.normal == "spaces"


def says_phone(name: str) -> bool:
    """Whether a parameter or column of this name holds a phone number (``phone_type`` and ``phone_verified`` do not)."""
    found = meaning_of(name)
    return found is not None and found.name == "caller_phone" and _ABOUT_PHONES.isdisjoint(split_words(name))


def says_email(name: str) -> bool:
    """Whether a parameter or column of this name holds an e-mail address (``email_subject`` and ``email_verified`` do not)."""
    found = meaning_of(name)
    return found is not None and found.name == "caller_email" and _ABOUT_EMAILS.isdisjoint(split_words(name))


def session_key(param: str) -> str | None:
    """The fact a session input of this name means when it says none: ``caller_phone`` is the caller's number."""
    known = _SESSION_KEYS.get(param, param)
    return known if known in SESSION_FACTS else None


def is_about_people(object_name: str) -> bool:
    """Whether the records of an object of this name are people or parties (``customers``, ``crm.Contact``)."""
    from_words = {word for word in _singulars(split_words(object_name.rpartition(".")[2].strip('"')))}
    return bool(from_words & _PEOPLE)


def numbers_its_record(column: str, object_name: str) -> bool:
    """Whether a column of this name is the number its own record goes by: ``orders.order_number``, ``invoice.reference``."""
    words = set(split_words(column))
    own = set(_singulars(split_words(object_name.rpartition(".")[2].strip('"'))))
    return bool(words & _NUMBER_WORDS) and words <= _NUMBER_WORDS | own


def _singulars(words: Iterable[str]) -> Iterable[str]:
    return (singular_word(word) for word in words)

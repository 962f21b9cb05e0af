"""The canonical parameters, and what the names of parameters and columns say."""

import pytest

from patchbay.bindings.parameters import BY_NAME, PARAMETERS, is_about_people, meaning_of, numbers_its_record, says_phone


def test_the_registry_is_whole():
    assert {"caller_phone", "caller_name", "caller_email", "service_address", "order_number", "date_of_birth", "postcode"} <= set(
        BY_NAME
    )
    assert len(BY_NAME) == len(PARAMETERS)
    spoken = [word for parameter in PARAMETERS for word in parameter.words]
    assert len(spoken) == len(set(spoken))
    assert all(p.words and all(p.words) and p.means in ("person", "record", "detail") for p in PARAMETERS)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("caller_phone", "caller_phone"),
        ("MobilePhone", "caller_phone"),
        ("phone_number", "caller_phone"),
        ("Email", "caller_email"),
        ("customer_id", "account_number"),
        ("accountNo", "account_number"),
        ("order_number", "order_number"),
        ("zip", "postcode"),
        ("starts_at", None),
        ("telemetry", None),
        ("excellent", None),
    ],
)
def test_what_a_name_says(name: str, parameter: str | None):
    found = meaning_of(name)
    assert (found.name if found else None) == parameter


def test_phones_people_and_numbers():
    assert says_phone("home_phone")
    assert not says_phone("phonetic")
    assert not says_phone("phone_type")
    assert is_about_people("customers")
    assert is_about_people("crm.ContactPeople")
    assert not is_about_people("appointments")
    assert numbers_its_record("order_number", "orders")
    assert numbers_its_record("reference", "bookings")
    assert not numbers_its_record("customer_id", "orders")
    assert not numbers_its_record("order", "orders")

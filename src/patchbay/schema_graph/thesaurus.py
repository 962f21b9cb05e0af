"""Everyday words that mean the same in a business, for search over names that someone else chose.

General English only: nothing here is about one schema. Each line is a group; a word may stand in several.
"""

from __future__ import annotations

from patchbay.schema_graph.stems import stem

_GROUPS = """
phone telephone mobile cell cellphone tel number call ring
email mail e-mail inbox
fax facsimile
address street location place residence where
zip zipcode postcode postal
city town
state province region county area
country nation
name title label called
surname lastname last family
firstname first given forename
customer client buyer shopper consumer caller guest account
patient client person
person people human individual somebody contact
user member account login profile
employee staff worker personnel agent rep representative colleague
doctor physician provider clinician practitioner
technician engineer mechanic repairer
manager boss supervisor lead head reports
company business organization organisation firm employer corporation
vendor supplier seller merchant manufacturer maker
invoice bill statement receipt
payment paid pay settlement remittance
price cost rate amount charge fee value money much
total sum amount balance due
discount reduction rebate coupon voucher promo promotion percent off
refund reimbursement return money back
tax vat gst duty
currency money
card credit debit
order purchase sale buy bought
item product article goods sku line
quantity qty count number many stock units
stock inventory on-hand availability
cart basket
shipment delivery dispatch shipping ship freight parcel package
tracking track
warehouse depot store
store shop branch outlet location
appointment booking reservation visit slot meeting consultation
schedule calendar agenda timetable roster rota
available free open vacancy availability
cancel cancelled void abort terminate stop
start begin from since opened
end finish until expire expiry expiration stop close closed
due deadline payable
date day when time
created made added registered opened joined since
updated changed modified edited revised
status state stage progress condition
active enabled live current
note comment remark memo description text details
reason cause why
type kind category class sort genre
category group department section
ticket case issue request complaint problem incident
priority urgency severity importance
job task work assignment
project engagement
vehicle car automobile auto truck
plate registration license licence
property house home building unit apartment
room space chamber
lease rent rental tenancy hire
film movie title picture
song track music
language tongue
birth birthday born dob age
death died deceased
gender sex
diagnosis condition illness disease disorder
drug medicine medication prescription
procedure treatment operation surgery
insurance policy cover coverage
claim case
salary wage pay compensation earnings
hired hire joined start
subscription plan membership recurring
renewal renew
trial
review rating score stars feedback
message sms text chat
link url web website address page
image picture photo avatar
file document attachment
password secret credential
key code identifier id number
weight mass heavy
length long duration
size dimension
color colour
limit maximum max cap
minimum min least
percentage percent rate
bank account iban
loyalty points reward
gift present
ship-to destination recipient
parent superior belongs
event session activity
visit view hit pageview
"""


WORDS = frozenset(_GROUPS.replace("-", "").split())
"""Every word of the groups, as it is written."""


def _read() -> dict[str, frozenset[str]]:
    near: dict[str, set[str]] = {}
    for line in _GROUPS.strip().splitlines():
        words = {stem(word) for word in line.replace("-", "").split()}
        for word in words:
            near.setdefault(word, set()).update(words - {word})
    return {word: frozenset(others) for word, others in near.items()}


NEAR: dict[str, frozenset[str]] = _read()
"""For each stem the stems that may be meant instead."""

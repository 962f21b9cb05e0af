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
customer client partner contact
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
dispute chargeback contest
arrive arrival reach come get
succeed success conclusion outcome result fail failure pass
remaining left balance current rest
owe owed due outstanding unpaid open
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
appointment booking reservation reserve visit slot meeting consultation
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
renewal renew next recur period
trial
review rating score star feedback
star stargazer favorite favourite like
message sms text chat post
link url web website address page
image picture photo avatar
file document attachment
password secret credential
key code identifier id number
weight mass heavy
length long duration second millisecond minute
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
create add new make open insert
update change edit modify set
delete remove erase cancel archive
get find look fetch retrieve search list show read
send post deliver
upload attach import
later schedule scheduled postpone
merge combine join
buy purchase order acquire
happen occur
licence license
visit view hit pageview
begin started onset commence
finished completed complete done closed
elapsed duration age old
early before prior previous earlier
after following subsequent next upcoming
latest newest recent last
oldest earliest first
frequency interval often every repeat recurring cadence
weekday day week
hours opening open business
pending waiting queued outstanding open
approved accepted confirmed authorized
rejected declined denied refused
blocked banned suspended disabled
archived hidden deleted removed
draft unpublished
published public visible
locked frozen
verified confirmed validated
expired lapsed
overdue late past delinquent
damaged broken defective faulty
lost missing
urgent emergency
assigned owner responsible assignee handler
author creator writer submitter poster
approver reviewer
sender from origin source
recipient receiver to destination
participant attendee guest member invitee
host organizer organiser
teacher instructor tutor professor
student pupil learner
class course lesson lecture
grade mark score
parent guardian mother father
child kid son daughter
spouse partner husband wife
nurse doctor clinician
ward bed room
visit encounter admission stay
lab laboratory test measurement observation
vaccine immunization shot
allergy reaction intolerance
symptom complaint
dose dosage strength
refill supply
blood pressure
driver courier carrier
route path trip
pickup collection collect
dropoff delivery
distance mile kilometre kilometer
speed velocity
altitude height elevation
width breadth
depth deep
volume capacity
temperature heat
latitude longitude coordinate position geo gps location
map location
timezone zone
dish meal food menu item
ingredient recipe
table seat seating place
party guest cover people
diet dietary
tip gratuity
check bill tab
hotel property accommodation lodging
checkin arrival
checkout departure
night stay
tenant renter lessee occupant
landlord owner lessor
deposit down advance prepayment
mortgage loan
installment instalment
interest apr rate
principal capital
debt loan credit owed
ledger journal book
expense cost spend spending
income revenue earnings turnover sales
profit margin
budget allocation
asset property
liability debt
transaction transfer movement
withdrawal payout
deposit payin
payout settlement disbursement transfer
wire transfer remittance
statement report
fiscal financial tax
exempt free
currency denomination
exchange conversion
wholesale trade
retail consumer
barcode upc ean gtin
brand make manufacturer
model version variant
variant option flavor flavour
color colour shade
material fabric
catalog catalogue assortment range
collection category group
bundle kit package set
tag label keyword topic
wishlist favorites
backorder backordered
restock replenish reorder
supplier vendor
bin shelf aisle
lot batch
serial sn
fulfillment fulfilment shipping delivery
return returned rma
exchange swap replace replacement
warranty guarantee
repair fix service maintenance
inspection check audit
complaint grievance
escalate escalation
reply response answer
question query inquiry enquiry
conversation thread chat dialogue
channel room conversation
subject title topic headline
body content text message
subscriber follower member
notification alert reminder
campaign promotion marketing
lead prospect opportunity
deal opportunity sale
stage phase step
pipeline funnel
quote estimate quotation proposal offer
contract agreement terms
signature sign signed
attachment enclosure file
folder directory
revision version edition
backup copy
repository repo project
branch fork
commit change revision
release version
build run job
deploy deployment rollout release
server host machine node instance
container pod
cluster pool
replica copy instance
storage disk volume
memory ram
processor cpu
bandwidth traffic
port socket
domain hostname
certificate ssl tls
token key secret credential
permission right privilege role access
group team
role position function
login signin logon
logout signout
browser agent
device phone handset terminal
country nation
language locale tongue
nationality citizenship
religion faith
ethnicity race
married marital
disability handicap
education school degree
skill ability competence
experience seniority
salary wage payroll
bonus commission incentive
overtime
vacation holiday leave pto absence
sick illness
shift rota schedule
timesheet hours
applicant candidate
interview
vacancy position opening job
terminated dismissed fired
resigned quit left
retire retirement pension
benefit perk
insurance insured coverage
premium price
deductible excess
beneficiary
claimant
accident incident crash
witness
court legal
lawyer attorney counsel solicitor
fine penalty
donation gift contribution
donor giver supporter
volunteer helper
event occasion happening
appointment event meeting
venue place location
ticket admission
seat place
performer artist singer band
album record
genre style kind
actor cast performer
director
author writer
publisher press
page sheet
chapter section
copy edition
borrow loan checkout
overdue late
animal pet
breed species
owner keeper
crop harvest
field plot
soil ground
weather climate
energy power electricity
meter reading gauge
consumption usage use
tariff rate
outage failure downtime
sensor probe
alarm alert
threshold limit
error fault failure problem
log history trail
hash checksum digest
comment remark note
like reaction
follow subscribe
share
mention
emoji
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

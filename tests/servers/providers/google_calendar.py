"""The calendars of Google's Calendar API v3: events with etags, time zones, all-day events and simple recurrence.

Source: https://developers.google.com/workspace/calendar/api/v3/reference.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.servers.providers.google_errors import GoogleError, invalid, not_found

Query = Mapping[str, list[str]]
Event = dict[str, Any]
_ID = re.compile(r"[a-v0-9]{5,1024}")
_FAR = timedelta(days=366 * 3)


@dataclass
class Calendar:
    """One calendar. ``roles`` says what each account may do; an account that is not in it does not see the calendar."""

    id: str
    summary: str
    time_zone: str
    roles: dict[str, str]
    events: dict[str, Event] = field(default_factory=dict)


@dataclass
class Calendars:
    """All calendars. ``add`` is a person at their own screen; the rest are the methods of the API, for an account."""

    all: dict[str, Calendar] = field(default_factory=dict)
    _clock: int = 0

    def open(self, user: str, *, id: str | None = None, summary: str | None = None, zone: str = "America/Toronto") -> Calendar:
        """A calendar of an account's own; without ``id`` its primary one."""
        made = Calendar(id or user, summary or id or user, zone, {user: "owner"})
        self.all[made.id] = made
        return made

    def add(self, calendar: Calendar, start: str, end: str, summary: str = "Busy", **members: Any) -> Event:
        """An event that somebody enters by hand; dates make it all-day. Times are with offset or in the calendar's zone."""
        key = "date" if len(start) == 10 else "dateTime"
        zone = {} if key == "date" else {"timeZone": calendar.time_zone}
        body = {"summary": summary, "start": {key: start, **zone}, "end": {key: end, **zone}, **members}
        return self._store(calendar, body, next(iter(calendar.roles)))

    def calendar_list(self, user: str) -> dict[str, Any]:
        """calendarList.list."""
        items = [_entry(one, user) for one in self.all.values() if user in one.roles]
        return {"kind": "calendar#calendarList", "etag": '"p1"', "items": items}

    def calendar_entry(self, user: str, calendar_id: str) -> dict[str, Any]:
        """calendarList.get."""
        return _entry(self.calendar(user, calendar_id), user)

    def calendar_itself(self, user: str, calendar_id: str) -> dict[str, Any]:
        """calendars.get."""
        held = self.calendar(user, calendar_id)
        return {"kind": "calendar#calendar", "etag": '"c1"', "id": held.id, "summary": held.summary, "timeZone": held.time_zone}

    def calendar(self, user: str, calendar_id: str, *, write: bool = False) -> Calendar:
        """The calendar that an account means."""
        held = self.all.get(user if calendar_id == "primary" else calendar_id)
        if held is None or user not in held.roles:
            raise not_found()
        if write and held.roles[user] not in ("owner", "writer"):
            raise GoogleError(403, "requiredAccessLevel", "You need to have writer access to this calendar.")
        return held

    def freebusy(self, user: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """freebusy.query: what is opaque and not cancelled, merged."""
        low, high = _rfc3339(body.get("timeMin"), "timeMin"), _rfc3339(body.get("timeMax"), "timeMax")
        found: dict[str, Any] = {}
        for item in body.get("items", ()):
            try:
                held = self.calendar(user, item["id"])
            except GoogleError:
                found[item["id"]] = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
                continue
            spans = sorted(
                (max(low, start), min(high, end))
                for event, start, end in occurrences(held, low, high)
                if event.get("transparency") != "transparent"
            )
            found[item["id"]] = {"busy": [{"start": _z(a), "end": _z(b)} for a, b in _merged(spans)]}
        return {"kind": "calendar#freeBusy", "timeMin": _z(low), "timeMax": _z(high), "calendars": found}

    def list_events(self, user: str, calendar_id: str, query: Query) -> dict[str, Any]:
        """events.list."""
        held = self.calendar(user, calendar_id)
        single = query.get("singleEvents") == ["true"]
        if query.get("orderBy") == ["startTime"] and not single:
            raise invalid("The requested ordering is not available for the particular query.")
        low = _rfc3339(query["timeMin"][0], "timeMin") if "timeMin" in query else datetime.min.replace(tzinfo=UTC)
        high = _rfc3339(query["timeMax"][0], "timeMax") if "timeMax" in query else None
        if high is not None and high <= low:
            raise invalid("The specified time range is empty.", "timeRangeEmpty")
        deleted = query.get("showDeleted") == ["true"]
        wanted = [one.partition("=") for one in query.get("privateExtendedProperty", ())]
        last = high or datetime.now(UTC) + _FAR
        if single:
            found = list(occurrences(held, low, last, deleted=deleted))
        else:
            found = [(e, *_span(e, held)) for e in held.events.values() if deleted or e["status"] != "cancelled"]
            found = [(e, a, b) for e, a, b in found if e.get("recurrence") or (b > low and a < last)]
        found = [one for one in found if all(_private(one[0]).get(key) == value for key, _, value in wanted)]
        found.sort(key=lambda one: (one[1], one[0]["id"]))
        most = min(int(query.get("maxResults", ["250"])[0]), 2500)
        at = int(query.get("pageToken", ["0"])[0])
        answer: dict[str, Any] = {
            "kind": "calendar#events",
            "etag": '"e1"',
            "summary": held.summary,
            "updated": _z(datetime.now(UTC)),
            "timeZone": held.time_zone,
            "accessRole": held.roles[user],
            "defaultReminders": [],
            "items": [event for event, _, _ in found[at : at + most]],
        }
        more = at + most < len(found)
        return {**answer, "nextPageToken": str(at + most)} if more else {**answer, "nextSyncToken": f"S{self._clock}"}

    def get_event(self, user: str, calendar_id: str, event_id: str) -> Event:
        """events.get: a cancelled event is still there."""
        return self._event(self.calendar(user, calendar_id), event_id)

    def insert_event(self, user: str, calendar_id: str, body: Event) -> Event:
        """events.insert."""
        held = self.calendar(user, calendar_id, write=True)
        given = body.get("id")
        if given is not None:
            if not _ID.fullmatch(given):
                raise invalid("Invalid resource id value.")
            if given in held.events:
                raise GoogleError(409, "duplicate", "The requested identifier already exists.")
        return self._store(held, body, user)

    def change_event(
        self, user: str, calendar_id: str, event_id: str, body: Event, if_match: str | None, *, patch: bool
    ) -> Event:
        """events.patch and events.update."""
        held = self.calendar(user, calendar_id, write=True)
        event = self._event(held, event_id)
        _check_match(event, if_match)
        fixed = {name: event[name] for name in ("id", "kind", "created", "htmlLink", "iCalUID", "creator", "organizer")}
        if not patch and "start" not in body:
            raise invalid("Missing start time.", "required")
        made = {**(_patched(event, body) if patch else {"status": "confirmed", **body}), **fixed}
        _check_times(made, held)
        _tell_times(made, held)
        made["sequence"] = event.get("sequence", 0) + ("start" in body or "end" in body)
        held.events[event_id] = self._stamped(made)
        return held.events[event_id]

    def delete_event(self, user: str, calendar_id: str, event_id: str, if_match: str | None) -> None:
        """events.delete."""
        held = self.calendar(user, calendar_id, write=True)
        event = self._event(held, event_id)
        if event["status"] == "cancelled":
            raise GoogleError(410, "deleted", "Resource has been deleted")
        _check_match(event, if_match)
        held.events[event_id] = self._stamped({**event, "status": "cancelled"})

    def _event(self, held: Calendar, event_id: str) -> Event:
        event = held.events.get(event_id)
        if event is None:
            raise not_found()
        return event

    def _store(self, held: Calendar, body: Event, user: str) -> Event:
        event_id = body.get("id") or secrets.token_hex(13)
        made = {
            "status": "confirmed",
            "reminders": {"useDefault": True},
            **body,
            "kind": "calendar#event",
            "id": event_id,
            "created": _z(datetime.now(UTC)),
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "iCalUID": f"{event_id}@google.com",
            "creator": {"email": user, "self": True},
            "organizer": {"email": held.id, "self": True},
            "sequence": 0,
        }
        _check_times(made, held)
        _tell_times(made, held)
        held.events[event_id] = self._stamped(made)
        return held.events[event_id]

    def _stamped(self, event: Event) -> Event:
        self._clock += 1
        return {**event, "etag": f'"{3000000000000000 + self._clock * 1000}"', "updated": _z(datetime.now(UTC))}


def occurrences(
    held: Calendar, low: datetime, high: datetime, *, deleted: bool = False
) -> Iterator[tuple[Event, datetime, datetime]]:
    """The events, recurring ones by their instances, that overlap a time: each with its start and its end."""
    for event in held.events.values():
        if event["status"] == "cancelled" and not deleted:
            continue
        start, end = _span(event, held)
        if not event.get("recurrence"):
            if end > low and start < high:
                yield event, start, end
            continue
        for begins in _recurring(event, held, high):
            ends = begins + (end - start)
            if ends > low and begins < high:
                yield _instance(event, begins, ends), begins, ends


def _recurring(event: Event, held: Calendar, high: datetime) -> Iterator[datetime]:
    """Starts by a rule of days or weeks, on the wall clock of the event's zone; COUNT, UNTIL and INTERVAL are understood."""
    rule = dict(part.split("=") for part in event["recurrence"][0].removeprefix("RRULE:").split(";"))
    step = timedelta(days={"DAILY": 1, "WEEKLY": 7}[rule["FREQ"]] * int(rule.get("INTERVAL", 1)))
    zone = ZoneInfo(event["start"]["timeZone"])
    local = _span(event, held)[0].astimezone(zone).replace(tzinfo=None)
    until = datetime.strptime(rule["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if "UNTIL" in rule else high
    for number in range(int(rule.get("COUNT", 2000))):
        begins = (local + step * number).replace(tzinfo=zone).astimezone(UTC)
        if begins > until or begins >= high:
            return
        yield begins


def _instance(event: Event, begins: datetime, ends: datetime) -> Event:
    zone = event["start"]["timeZone"]
    times = {
        name: {"dateTime": at.astimezone(ZoneInfo(zone)).isoformat(), "timeZone": zone}
        for name, at in (("start", begins), ("end", ends))
    }
    made = {name: value for name, value in event.items() if name != "recurrence"}
    return {**made, **times, "id": f"{event['id']}_{begins:%Y%m%dT%H%M%SZ}", "recurringEventId": event["id"]}


def _span(event: Event, held: Calendar) -> tuple[datetime, datetime]:
    return _moment(event["start"], held), _moment(event["end"], held)


def _moment(told: Mapping[str, Any], held: Calendar) -> datetime:
    zone = ZoneInfo(told.get("timeZone") or held.time_zone)
    if told.get("date") is not None:
        day = date.fromisoformat(told["date"])
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(held.time_zone)).astimezone(UTC)
    moment = datetime.fromisoformat(told["dateTime"])
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _check_times(event: Event, held: Calendar) -> None:
    for name in ("start", "end"):
        told = event.get(name)
        if not told or (told.get("date") is None) == (told.get("dateTime") is None):
            raise invalid(f"Missing {name} time." if not told else "Invalid value for: " + name, "required")
        if told.get("timeZone"):
            try:
                ZoneInfo(told["timeZone"])
            except (ZoneInfoNotFoundError, ValueError):
                raise invalid("Invalid time zone definition for start time.") from None
        elif told.get("dateTime") and datetime.fromisoformat(told["dateTime"]).tzinfo is None:
            raise invalid(f"Missing time zone definition for {name} time.", "required")
    if ("date" in event["start"]) != ("date" in event["end"]):
        raise invalid("Invalid start or end: both are dates, or both are times.")
    start, end = _span(event, held)
    if end < start or (end == start and "date" in event["start"]):
        raise invalid("The specified time range is empty.", "timeRangeEmpty")


def _tell_times(event: Event, held: Calendar) -> None:
    """Times are told with the offset of the calendar's zone, whatever they were given in."""
    for name in ("start", "end"):
        told = event[name]
        if told.get("dateTime"):
            local = _moment(told, held).astimezone(ZoneInfo(held.time_zone))
            event[name] = {"dateTime": local.isoformat(), "timeZone": told.get("timeZone") or held.time_zone}


def _check_match(event: Event, if_match: str | None) -> None:
    if if_match not in (None, "*", event["etag"]):
        raise GoogleError(412, "conditionNotMet", "Precondition Failed")


def _patched(value: Any, patch: Any) -> Any:
    """Google's patch semantics: members are merged, lists replaced, nulls take away."""
    if not isinstance(patch, dict) or not isinstance(value, dict):
        return patch
    made = dict(value)
    for name, below in patch.items():
        if below is None:
            made.pop(name, None)
        else:
            made[name] = _patched(value.get(name), below)
    return made


def _private(event: Event) -> Mapping[str, str]:
    return event.get("extendedProperties", {}).get("private", {})


def _entry(held: Calendar, user: str) -> dict[str, Any]:
    entry = {"kind": "calendar#calendarListEntry", "etag": '"l1"', "id": held.id, "summary": held.summary}
    return {**entry, "timeZone": held.time_zone, "accessRole": held.roles[user], **({"primary": True} if held.id == user else {})}


def _merged(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    made: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def _rfc3339(text: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid(f"Invalid value for: {name}") from None
    if moment.tzinfo is None:
        raise invalid(f"Invalid value for: {name}: an offset is required")
    return moment.astimezone(UTC)


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

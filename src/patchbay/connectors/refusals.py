"""Why a call was not run. Each refusal names the layer, the reason (its ``code``), the next step, and a sentence to say."""

from __future__ import annotations

from typing import ClassVar, Literal

from patchbay.errors import PatchbayError

Layer = Literal["connection", "scoping", "schema", "arguments", "source", "limits"]


class CallRefused(PatchbayError):
    """The call was not run."""

    code, status, title = "call_refused", 409, "Call refused"
    layer: ClassVar[Layer] = "connection"
    next_step: ClassVar[str] = "Look at the connection in the dashboard or at GET /integrations."
    say: ClassVar[str] = "I can't look that up right now."

    def __init__(self, detail: str | None = None, *, retry_after_s: float | None = None) -> None:
        headers = {"Retry-After": str(max(1, round(retry_after_s)))} if retry_after_s is not None else None
        super().__init__(detail, hint=self.next_step, headers=headers)
        self.extensions |= {"layer": self.layer, "reason": self.code, "nextStep": self.next_step, "say": self.say}

    @property
    def reason(self) -> str:
        """The stable word for why."""
        return self.code


class ConnectionUnknown(CallRefused):
    """There is no such connection in your organization."""

    code, status, title = "connection_unknown", 404, "Unknown connection"
    next_step = "Connect the system again and save the skill's binding again."


class ConnectionReplaced(CallRefused):
    """The connection this call was made for has been replaced by one to another target."""

    code, title = "connection_replaced", "Connection replaced"
    next_step = "Save the skill's binding again so that it is proven against the new target, then publish."


class NotConnected(CallRefused):
    """The system this call reads is not connected."""

    code, title, named = "integration_not_connected", "Integration not connected", True
    next_step = "Connect the integration again."


class WriteRoleMissing(CallRefused):
    """The connection has no write role any more, so nothing was changed."""

    code, title = "write_credentials_missing", "Write credentials missing"
    next_step = "Connect again with write credentials."


class ScopingUnconfirmed(CallRefused):
    """The data scoping of this connection could not be confirmed within the last second, so nothing was read."""

    code, status, title = "scoping_unconfirmed", 503, "Scoping unconfirmed"
    layer = "scoping"
    next_step = "Check that the platform's own database answers; calls resume by themselves."
    say = "I can't look that up this very moment. Let me try again shortly."


class ScopedOut(CallRefused):
    """The data scoping of this connection no longer permits what this call reads."""

    code, status, title = "scoped_out", 403, "Blocked by data scoping"
    layer = "scoping"
    next_step = "Change the skill's binding to what the scoping permits, or change the scoping."
    say = "I'm not able to share that information."


class SchemaChanged(CallRefused):
    """The part of the schema that this call uses has changed since it was proven."""

    code, title = "schema_changed", "Schema changed"
    layer = "schema"
    next_step = "Discover the schema again, save the skill's binding again and publish."


class TimeZoneMissing(CallRefused):
    """The call returns a date and time without a zone, and the connection has no time zone."""

    code, title = "time_zone_missing", "Time zone missing"
    layer = "schema"
    next_step = "Connect again with a timeZone."


class CallNotSupported(CallRefused):
    """This call is of a kind or format that this server cannot run."""

    code, title = "call_not_supported", "Call not supported"
    layer = "schema"
    next_step = "Save the skill's binding again and publish."


class SourceUnavailable(CallRefused):
    """The source cannot be reached or broke off the answer."""

    code, status, title = "source_unavailable", 503, "Source unavailable"
    layer = "source"
    next_step = "Try again later; if it lasts, run the connection test."
    say = "The system I need isn't answering right now. Shall I try again in a moment?"


class SourceTimeout(CallRefused):
    """The source did not answer within the time this call may take."""

    code, status, title = "source_timeout", 504, "Source timeout"
    layer = "source"
    next_step = "Run the connection test; a missing index or a slow network shows there."
    say = "That is taking too long. Shall I try again?"


class SourceBusy(CallRefused):
    """All sessions to the source were in use for the whole time this call may take."""

    code, status, title = "source_busy", 503, "Source busy"
    layer = "limits"
    next_step = "Try again in a moment."
    say = "The system is busy right now. Shall I try again in a moment?"


class CredentialsRefused(CallRefused):
    """The source refuses the stored credentials."""

    code, status, title = "credentials_refused", 502, "Credentials refused"
    layer = "source"
    next_step = "Connect again with valid credentials."


class PermissionMissing(CallRefused):
    """The connected role may no longer read what this call reads."""

    code, status, title = "source_permission_missing", 502, "Permission missing"
    layer = "source"
    next_step = "Grant the role the privilege again, or change the skill's binding."


class ValueNotAccepted(CallRefused):
    """A value of this call is not one that the source's column can hold."""

    code, status, title = "value_not_accepted", 422, "Value not accepted"
    layer = "arguments"
    next_step = "Ask for the value again."
    say = "That doesn't look like a valid value. Could you give it to me again?"


class SourceRefused(CallRefused):
    """The source refused to run the call."""

    code, status, title = "source_refused", 502, "Source refused"
    layer = "source"
    next_step = "Run the connection test and save the skill's binding again."


class RecordNotFound(CallRefused):
    """No record has the key, and the matching values, that this write is for. Nothing was changed."""

    code, status, title = "record_not_found", 404, "Record not found"
    layer = "source"
    next_step = "Ask for the value that tells which record is meant again."
    say = "I couldn't find that record, so I haven't changed anything."


class SeveralRecords(CallRefused):
    """This write would have changed more than one record, so it was rolled back."""

    code, title = "several_records", "Several records"
    layer = "source"
    next_step = "Bind the update by a unique key."
    say = "I couldn't tell which record is meant, so I haven't changed anything."


class AlreadyExists(CallRefused):
    """A record with the same unique value exists already. Nothing was changed."""

    code, title = "already_exists", "Already exists"
    layer = "source"
    next_step = "Look the record up, or ask for another value."
    say = "That is there already, so I haven't added it again."


class RecordLocked(CallRefused):
    """Somebody else was changing this record for as long as this write could wait. Nothing was changed."""

    code, title = "record_locked", "Record locked"
    layer = "source"
    next_step = "Try again in a moment."
    say = "Someone else is working on that record right now, so I haven't changed anything. Shall I try again?"


class WriteRefused(CallRefused):
    """The source refused the write by a rule of its own. Nothing was changed."""

    code, title = "write_refused", "Write refused"
    layer = "source"
    next_step = "Look at the source's constraints, and at what the skill's binding sets."
    say = "The system didn't accept that, so nothing was changed."


class OutcomeUnknown(CallRefused):
    """It is not known whether this write took effect: the source was lost before it could say so. It is not tried again."""

    code, status, title = "outcome_unknown", 504, "Outcome unknown"
    layer = "source"
    next_step = "Look in the source whether the record is there, and finish by hand what is not."
    say = "I can't tell whether that went through. Please don't count on it; someone will check and follow up."

"""Verifying a caller in a conversation: the engine asks, hears and checks; no model sees what is given, and none takes part.

What a caller says while a field is asked for goes to the verifier alone. It is stored and streamed as ``[redacted:…]``, kept
sealed until it is checked and wiped then. Attempts are counted before the verifier runs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import structlog

from patchbay.accounts.operator_events import Told
from patchbay.agent_runtime.conversation import utterances
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.counting import AttemptKey, Taken
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.guardrails.levels import LEVEL_NAMES, facts_at, level_at
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.verification import questions
from patchbay.agent_runtime.verification.checking import Answer, carry_out, claim
from patchbay.agent_runtime.verification.checks import Check, CheckField
from patchbay.agent_runtime.verification.comparing.dates import day_first_in
from patchbay.agent_runtime.verification.comparing.fields import ONE_TIME_CODE, Place, mask_forms, may_hold, read
from patchbay.agent_runtime.verification.comparing.spoken import digits, equal
from patchbay.agent_runtime.verification.masking import MOST_MASKS, mask_entries, redaction
from patchbay.agent_runtime.verification.openings import choose
from patchbay.agent_runtime.verification.state import Given, Verifying, drop, keep, seal, under_way, unseal
from patchbay.schema_graph.call import CallContext
from patchbay.schema_graph.canonical import canonical_json
from patchbay.schema_graph.phones import to_e164

MOST_MISSES = 3
"""How often a field may be given in a way that cannot be read before the verification is given up."""
MOST_ASIDES = 3
"""How many utterances may be about something else before it is."""
MOST_SENDS = 3
"""How many codes are sent in one verification."""
TEXTS_A_DAY = 10
CODE_SECONDS = 300
CODE_DIGITS = 6
_FEWEST_DIGITS = 3
_ANONYMOUS = 20
"""Callers of whom nothing is known share one count; it allows so many times what one caller's does."""
_CODE = CheckField(ONE_TIME_CODE, "digits", "output", ONE_TIME_CODE)
_log = structlog.get_logger(__name__)

Meaning = Literal["value", "withdraw", "unknown", "person", "again", "aside", "elsewhere", "lost"]


class Utterance(msgspec.Struct, frozen=True):
    """What the caller said during a verification: what may be kept of it, and what it means. ``raw`` is never stored."""

    kept: str
    meaning: Meaning
    raw: str
    labels: tuple[str, ...] = ()


class Step(msgspec.Struct, kw_only=True):
    """What comes next. ``say`` is the engine's; ``resume``: the caller is verified and this call waits; ``talk``: a model
    answers.
    """

    events: list[dict[str, Any]] = []
    say: str | None = None
    resume: dict[str, str] | None = None
    talk: bool = False
    person: bool = False
    failed: bool = False


class Refused(msgspec.Struct, frozen=True):
    """Why no verification can begin: a code for the receipt and the words for the caller."""

    code: str
    say: str


class Verification:
    """The verifications of one held conversation. ``via`` is how the caller's words arrive in this turn."""

    def __init__(self, runtime: Runtime, agent: FrozenAgent, held: Held, via: str) -> None:
        self._runtime = runtime
        self._agent = agent
        self._held = held
        self._via = via

    @property
    def active(self) -> bool:
        """Whether a verification is under way."""
        return "verifying" in self._held.state

    @property
    def level(self) -> int:
        """The level the caller has now."""
        return level_at(self._held.state.get("verified", {}), time.time())

    @property
    def facts(self) -> dict[str, Any]:
        """What is proven of the caller now."""
        return facts_at(self._held.state.get("verified", {}), time.time())

    # -- beginning ---------------------------------------------------------------------------------------------------------

    async def begin(self, needed: int, request: Mapping[str, str]) -> Step | Refused:
        """Begin to bring the caller to the level ``needed`` for a call that waits, or say why that cannot be."""
        refused = self._refusal()
        if refused is not None:
            return refused
        opening = choose(self._agent.checks, needed, self._held.state.get("verified", {}), time.time(), usable=self._usable)
        if opening is None:
            configured = bool(self._agent.verification)
            return Refused(
                "verification_unavailable" if configured else "verification_required",
                questions.UNAVAILABLE if configured else questions.NO_WAY,
            )
        state = Verifying(check=opening.check.id, needed=needed, grants=opening.grants, request=dict(request))
        keep(self._held, state)
        step = Step(events=[self._event(opening.check, state, "started")])
        if not opening.check.fields:
            return await self._checked(opening.check, state, Given(), step)
        field = opening.check.fields[0]
        step.events.append(self._event(opening.check, state, "asked", field=field.name))
        step.say = f"{questions.FIRST} {questions.question(field)}"
        return step

    def question(self) -> str | None:
        """What is being asked now."""
        state = under_way(self._held)
        check = self._check(state)
        if state is None or check is None:
            return None
        field = self._field(check, state)
        return questions.code_question() if field is _CODE else questions.question(field)

    def expired(self) -> list[dict[str, Any]]:
        """The verifications that ran out since the last turn; what was proven goes when none holds any more."""
        verified: dict[str, Any] = self._held.state.get("verified", {})
        grants: dict[str, Any] = verified.get("grants") or {}
        over = [name for name, grant in grants.items() if grant["until"] <= time.time()]
        events = [{"method": grants[name]["method"], "level": name, "state": "expired"} for name in over]
        for name in over:
            del grants[name]
        if over and not grants:
            del self._held.state["verified"]
        return events

    def abandon(self) -> None:
        """End a verification without a word: what was given is gone."""
        drop(self._held)

    def _refusal(self) -> Refused | None:
        if self._via == "completions":
            return Refused("verification_not_here", questions.NOT_HERE)
        if self._held.state.get("lockedUntil", 0) > time.time():
            return Refused("verification_locked", questions.NOT_VERIFIED)
        return None

    def _usable(self, check: Check) -> bool:
        return check.method != "otp_sms" or self._runtime.sms is not None

    # -- hearing -----------------------------------------------------------------------------------------------------------

    def hear(self, said: str) -> Utterance:
        """What an utterance means while a field is asked for. What could hold the secret is not kept, whatever it means."""
        state = under_way(self._held)
        check = self._check(state)
        if state is None or check is None:
            return Utterance(redaction("secret") if digits(said) else said, "lost", said, ("secret",) if digits(said) else ())
        field = self._field(check, state)
        meaning = self._meaning(said, field)
        if self._via == "completions":
            meaning = "elsewhere"
        if not self._must_go(said, field, meaning):
            return Utterance(said, meaning, said)
        labels = self._labels(said, check, state) if meaning == "value" else (field.name,)
        return Utterance(" ".join(redaction(label) for label in labels), meaning, said, labels)

    def _meaning(self, said: str, field: CheckField) -> Meaning:
        if utterances.only_backs_out(said):
            return "withdraw"
        if utterances.only_does_not_know(said):
            return "unknown"
        if utterances.only_asks_back(said):
            return "aside"
        if not digits(said):
            if utterances.wants_person(said):
                return "person"
            if field is _CODE and utterances.wants_it_again(said):
                return "again"
            if field.kind != "answer" and utterances.wants_to_stop(said):
                return "withdraw"
            if field.kind != "answer" and utterances.does_not_know(said):
                return "unknown"
        return "value" if may_hold(said, field.kind) else "aside"

    def _must_go(self, said: str, field: CheckField, meaning: Meaning) -> bool:
        """Whether the utterance could hold what was asked for, so that none of it may be kept.

        Figures in words are known in English alone: in another language's words there may always be one.
        """
        if utterances.only_backs_out(said) or utterances.only_does_not_know(said) or utterances.only_asks_back(said):
            return False
        return meaning == "value" or may_hold(said, field.kind) or not self._english_only

    @property
    def _english_only(self) -> bool:
        profile = self._agent.profile
        spoken = (profile.primary_language, *profile.languages)
        return all(code.lower().startswith("en") for code in spoken)

    def _labels(self, said: str, check: Check, state: Verifying) -> tuple[str, ...]:
        taken = self._read(said, check, state)
        return tuple(taken) or (self._field(check, state).name,)

    def _read(self, said: str, check: Check, state: Verifying) -> dict[str, str]:
        """The field asked for and, where they stand out, those that come after it, as far as the utterance has them in a row."""
        place, found = self._place(), dict[str, str]()
        wanted = check.fields[state.asking :] or (_CODE,)
        for number, field in enumerate(wanted):
            if number and (field.kind not in ("date", "postcode", "email") or wanted[0].kind in ("answer", "name")):
                break
            value = read(said, field.kind, place).value
            if value is None or (field.kind == "digits" and len(value) < _FEWEST_DIGITS):
                break
            found[field.name] = value
        return found

    # -- going on ----------------------------------------------------------------------------------------------------------

    async def go_on(self, heard: Utterance) -> Step:
        """The step after an utterance."""
        state = under_way(self._held)
        check = self._check(state)
        if state is None or check is None:
            drop(self._held)
            return Step(say=questions.UNAVAILABLE if heard.labels else None, talk=not heard.labels)
        field = self._field(check, state)
        match heard.meaning:
            case "value":
                return await self._take(heard.raw, check, state, field)
            case "again":
                return await self._send_again(check, state)
            case "aside" | "lost":
                state.asides += 1
                if state.asides >= MOST_ASIDES:
                    drop(self._held)
                else:
                    keep(self._held, state)
                return Step(talk=True)
            case "person":
                return self._give_up(check, state, "person", None, person=True)
            case "withdraw":
                return self._give_up(check, state, "withdrawn", questions.LEFT)
            case "unknown":
                return self._give_up(check, state, "not_known", questions.WITHOUT)
            case "elsewhere":
                return self._give_up(check, state, "other_channel", questions.NOT_HERE)

    async def _take(self, said: str, check: Check, state: Verifying, field: CheckField) -> Step:
        found = self._read(said, check, state)
        if not found:
            return self._missed(said, check, state, field)
        given = unseal(self._runtime.vault, self._held, state.sealed)
        if state.asking > 0 and not given.values and check.fields:
            return self._from_the_start(check, state)
        self._mask(check, found)
        if field is _CODE:
            return await self._code_given(found[_CODE.name], check, state, given)
        given.values |= found
        state.asking += len(found)
        state.misses = 0
        if state.asking < len(check.fields):
            state.sealed = seal(self._runtime.vault, self._held, given)
            keep(self._held, state)
            following = check.fields[state.asking]
            event = self._event(check, state, "asked", field=following.name)
            return Step(events=[event], say=questions.next_question(following))
        return await self._checked(check, state, given, Step())

    def _missed(self, said: str, check: Check, state: Verifying, field: CheckField) -> Step:
        state.misses += 1
        if state.misses >= MOST_MISSES:
            return self._give_up(check, state, "not_understood", questions.WITHOUT)
        keep(self._held, state)
        if read(said, field.kind, self._place()).ambiguous:
            return Step(say=questions.MONTH)
        asked = questions.code_question() if field is _CODE else questions.question(field)
        return Step(say=f"{questions.NOT_HEARD} {asked}")

    def _from_the_start(self, check: Check, state: Verifying, before: str = questions.NOT_HEARD) -> Step:
        """Ask for everything anew: what was given is gone."""
        state.asking, state.misses, state.sealed = 0, 0, None
        keep(self._held, state)
        event = self._event(check, state, "asked", field=check.fields[0].name)
        return Step(events=[event], say=f"{before} {questions.question(check.fields[0])}")

    async def _checked(self, check: Check, state: Verifying, given: Given, step: Step) -> Step:
        """Everything asked for was given: count the attempt, ask the verifier, and see."""
        if check.method == "otp_sms":
            return await self._send(check, state, given, step)
        keys = self._keys(check, given)
        taken = await self._runtime.books.take(self._held.org_id, self._held.agent_id, keys)
        if taken.locked:
            return self._locked(check, state, step)
        answer = await self._ask_verifier(check, given)
        return await self._judged(check, state, answer, keys, self._claims(check, given), taken, step)

    async def _judged(
        self,
        check: Check,
        state: Verifying,
        answer: Answer,
        keys: Sequence[AttemptKey],
        claims: Mapping[str, str],
        taken: Taken,
        step: Step,
    ) -> Step:
        if answer.verdict == "matched" and self._same_caller(state, answer.facts, claims):
            await self._runtime.books.settle(self._held.org_id, self._held.agent_id, keys, "succeeded")
            return self._succeeded(check, state, answer.facts, claims, step)
        if answer.verdict == "undecided":
            await self._runtime.books.settle(self._held.org_id, self._held.agent_id, keys, "undecided")
            return self._give_up(check, state, answer.why or "unavailable", questions.UNAVAILABLE, step=step)
        step.failed = True
        self._held.state["failedVerifications"] = self._held.state.get("failedVerifications", 0) + 1
        step.events.append(self._event(check, state, "failed", attemptsLeft=taken.left, reason="no_match"))
        if taken.left == 0 or taken.locks:
            await self._tell_locked(check)
            return self._locked(check, state, step)
        if check.method == "otp_sms":
            keep(self._held, state)
            step.say = f"That code isn't right. {questions.code_question()}"
            return step
        again = self._from_the_start(check, state, questions.AGAIN)
        step.events += again.events
        step.say = again.say
        return step

    def _succeeded(self, check: Check, state: Verifying, facts: dict[str, Any], claims: Mapping[str, str], step: Step) -> Step:
        """The caller is verified: what is proven replaces what was, unless it is more about the same caller."""
        before: Mapping[str, Any] = self._held.state.get("verified", {})
        due = choose(self._agent.checks, state.needed, before, time.time(), usable=self._usable)
        if due is None or (due.check.id, due.grants) != (check.id, state.grants):
            # What this check was to stand on has expired meanwhile: the call that waits asks for all of it anew.
            drop(self._held)
            step.events.append(self._event(check, state, "failed", reason="expired"))
            step.resume = state.request
            return step
        same = state.grants > 1 and level_at(before, time.time()) > 0
        grants = dict(before.get("grants") or {}) if same else {}
        name = LEVEL_NAMES[state.grants]
        grants[name] = {"until": time.time() + check.ttl_seconds, "method": check.method, "check": check.id}
        proven: Mapping[str, Any] = before.get("facts") or {}
        known = {**proven, **facts} if same else facts
        claimed = {**before.get("claims", {}), **claims} if same else dict(claims)
        self._held.state["verified"] = {"grants": grants, "facts": known, "claims": claimed}
        drop(self._held)
        step.events.append(self._event(check, state, "succeeded"))
        step.resume = state.request
        return step

    def _same_caller(self, state: Verifying, facts: Mapping[str, Any], claims: Mapping[str, str]) -> bool:
        """A step up is a second proof of the same person: it may not contradict what the first one proved, or whose record that
        was.
        """
        if state.grants < 2 or not self.level:
            return True
        claimed: Mapping[str, str] = self._held.state.get("verified", {}).get("claims", {})
        return all(facts.get(k, v) == v for k, v in self.facts.items()) and all(
            claims.get(name, hashed) == hashed for name, hashed in claimed.items()
        )

    def _give_up(
        self, check: Check, state: Verifying, reason: str, say: str | None, *, person: bool = False, step: Step | None = None
    ) -> Step:
        drop(self._held)
        step = step or Step()
        step.events.append(self._event(check, state, "failed", reason=reason))
        step.say, step.person = say, person
        return step

    def _locked(self, check: Check, state: Verifying, step: Step) -> Step:
        drop(self._held)
        self._held.state["lockedUntil"] = time.time() + check.lock_seconds
        step.failed = True
        step.events.append(self._event(check, state, "locked", attemptsLeft=0))
        step.say = questions.NOT_VERIFIED
        return step

    async def _tell_locked(self, check: Check) -> None:
        data = {"method": check.method, "configId": check.id, "lockSeconds": check.lock_seconds, "attempts": check.max_attempts}
        told = Told(
            type="verification.locked",
            data=data,
            agent_id=self._held.agent_id,
            skill_id=check.verifier.id,
            conversation_id=self._held.id,
        )
        await self._runtime.books.tell(self._held.org_id, told)

    # -- one-time codes ----------------------------------------------------------------------------------------------------

    async def _send(self, check: Check, state: Verifying, given: Given, step: Step) -> Step:
        """Find whose phone the code goes to and send it. The words, and the time it takes, are the same when there is nobody."""
        texts = [msgspec.structs.replace(k, scope=f"sms_{k.scope}", most=TEXTS_A_DAY) for k in self._keys(check, given)]
        allowed = await self._runtime.books.take(self._held.org_id, self._held.agent_id, texts)
        if allowed.locked:
            return self._give_up(check, state, "too_many_texts", questions.NOT_SENT, step=step)
        answer = await self._ask_verifier(check, given)
        if answer.verdict == "undecided":
            return self._give_up(check, state, answer.why or "unavailable", questions.UNAVAILABLE, step=step)
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        given.code, given.code_until = self._code_hash(code), time.time() + CODE_SECONDS
        found = answer.verdict == "matched" and answer.phone is not None
        given.facts = answer.facts if found else None
        if found and answer.phone is not None:
            self._text(answer.phone, code)
        state.asking, state.misses, state.sends = len(check.fields), 0, state.sends + 1
        state.sealed = seal(self._runtime.vault, self._held, given)
        keep(self._held, state)
        step.events.append(self._event(check, state, "asked", field=ONE_TIME_CODE))
        step.say = f"{questions.SENT} {questions.code_question()}"
        return step

    def _text(self, phone: str, code: str) -> None:
        """Send beside the conversation, so that nobody can tell from the time it takes whether there was a phone."""
        sms = self._runtime.sms
        assert sms is not None

        async def send() -> None:
            try:
                await sms.send(phone, questions.text_message(code, CODE_SECONDS // 60))
            except Exception as error:
                _log.warning("one-time code not sent", error=type(error).__name__, conversation_id=self._held.id)

        self._runtime.detach(send())

    async def _send_again(self, check: Check, state: Verifying) -> Step:
        if state.sends >= MOST_SENDS:
            return Step(say=f"{questions.NOT_SENT} {questions.code_question()}")
        given = unseal(self._runtime.vault, self._held, state.sealed)
        if len(given.values) < len(check.fields):
            return self._from_the_start(check, state)
        return await self._send(check, state, given, Step())

    async def _code_given(self, code: str, check: Check, state: Verifying, given: Given) -> Step:
        keys = self._keys(check, given)
        taken = await self._runtime.books.take(self._held.org_id, self._held.agent_id, keys)
        if taken.locked:
            return self._locked(check, state, Step())
        right = equal(self._code_hash(code), given.code or "") and time.time() < given.code_until and given.facts is not None
        if right:
            given.code = None
        answer = Answer("matched", facts=given.facts or {}) if right else Answer("no_match")
        return await self._judged(check, state, answer, keys, self._claims(check, given), taken, Step())

    def _code_hash(self, code: str) -> str:
        return self._runtime.vault.keyed_hash(f"otp\x00{self._held.id}\x00{code}".encode()).hex()

    # -- parts -------------------------------------------------------------------------------------------------------------

    async def _ask_verifier(self, check: Check, given: Given) -> Answer:
        return await carry_out(self._runtime.runner, self._held.org_id, check, given.values, self._context(), self._place())

    def _context(self) -> CallContext:
        """What a verifier runs with, beside what the caller gave."""
        return CallContext(
            arguments={},
            session=self._held.session,
            verified=self.facts,
            time_zone=self._agent.profile.time_zone,
            conversation_id=self._held.id,
        )

    def _keys(self, check: Check, given: Given) -> list[AttemptKey]:
        """What an attempt counts under: the identity that is claimed, and where the caller comes from."""
        country = self._agent.profile.default_country
        claimed = claim(check, given.values, self._context(), self._place())
        origin, share = caller_origin(self._held.session, country)
        identity = self._hash("identity", claimed)
        return [
            AttemptKey("identity", identity, check.max_attempts, check.lock_seconds),
            AttemptKey("origin", self._hash("origin", origin), check.max_attempts * share, check.lock_seconds),
        ]

    def _claims(self, check: Check, given: Given) -> dict[str, str]:
        """Whose record the verifier is told to find, as keyed hashes by field."""
        claimed = claim(check, given.values, self._context(), self._place())
        return {name: self._hash("claim", [name, value]).hex() for name, value in claimed}

    def _hash(self, scope: str, value: Any) -> bytes:
        return self._runtime.vault.keyed_hash(canonical_json([scope, self._held.agent_id, value]))

    def _mask(self, check: Check, found: Mapping[str, str]) -> None:
        """Remember how the secrets look, so that they can be masked where they recur."""
        masks: list[dict[str, Any]] = self._held.state.setdefault("masks", [])
        known = {mask["hash"] for mask in masks}
        for name, value in found.items():
            field = next((f for f in check.fields if f.name == name), _CODE)
            proves = field.secret or field.place == "output"
            forms = mask_forms(value, field.kind) if proves else set[str]()
            entries = mask_entries(forms, name, self._runtime.vault.keyed_hash, self._held.id)
            masks += [e for e in entries if e["hash"] not in known]
        del masks[:-MOST_MASKS]

    def _event(self, check: Check, state: Verifying, what: str, **more: Any) -> dict[str, Any]:
        return {"method": check.method, "level": LEVEL_NAMES[state.grants], "state": what, **more}

    def _check(self, state: Verifying | None) -> Check | None:
        return next((c for c in self._agent.checks if state is not None and c.id == state.check), None)

    def _field(self, check: Check, state: Verifying) -> CheckField:
        return check.fields[state.asking] if state.asking < len(check.fields) else _CODE

    def _place(self) -> Place:
        profile = self._agent.profile
        today = datetime.now(UTC).astimezone(ZoneInfo(profile.time_zone)).date()
        return Place(profile.default_country, day_first_in(profile.default_country, profile.primary_language), today)


def caller_origin(session: Mapping[str, Any], country: str | None) -> tuple[Any, int]:
    """Where a caller comes from, in one form, and how many callers that stands for: one, or all of whom nothing is known."""
    number = session.get("caller_number")
    if number:
        return ["number", to_e164(str(number), country) or str(number)], 1
    visitor = session.get("visitor")
    if visitor:
        return ["visitor", msgspec.json.encode(visitor, order="sorted").decode()], 1
    return ["anonymous"], _ANONYMOUS

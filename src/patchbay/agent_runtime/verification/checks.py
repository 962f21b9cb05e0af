"""A verification configuration worked out against its verifier: what is asked, what goes to the verifier, what is compared here.

A required field is either an input of the verifier's call, and then it is given to it, or a leaf of what it returns, and then it
is compared by us. A webhook that declares neither is given every field and says itself whether they are right. Whoever can be
found that way has to be told from everybody else: a verifier that is given nothing but a secret would let a caller try that
secret on everybody at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from patchbay.agent_runtime.guardrails.levels import LEVELS
from patchbay.agent_runtime.guardrails.targets import Targeted
from patchbay.agent_runtime.verification.comparing.fields import (
    ONE_TIME_CODE,
    SECRET_KINDS,
    Kind,
    canonical_field,
    kind_of,
)
from patchbay.agent_runtime.verification.configs import Method, VerificationConfig, stored_config
from patchbay.agent_runtime.webhook_calls import with_fields
from patchbay.bindings.inputs import PARAM
from patchbay.errors import Finding
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import WEBHOOK, CallInput, FrozenCall, Output

VERIFIED_LEAF = "verified"
SUBJECT_LEAF = "subject"


class CheckField(msgspec.Struct, frozen=True):
    """A field the caller is asked for. ``name`` is canonical; ``at`` is the parameter it fills or the leaf it is held against."""

    name: str
    kind: Kind
    place: Literal["input", "output"]
    at: str

    @property
    def secret(self) -> bool:
        """Whether it proves who the caller is, rather than saying who they claim to be."""
        return self.kind in SECRET_KINDS


class Check(msgspec.Struct, frozen=True):
    """One way to verify a caller, ready to be carried out. Hold it by ``id``: it is the configuration's.

    ``call`` is what the verifier runs, with the fields it is given as inputs.
    """

    id: str
    method: Method
    level: int
    fields: tuple[CheckField, ...]
    verifier: Targeted
    call: FrozenCall
    ttl_seconds: int
    max_attempts: int
    lock_seconds: int
    phone_leaf: str | None

    @property
    def says_so(self) -> bool:
        """Whether the verifier itself judges, and could answer anything when nobody matches."""
        return self.call.kind == WEBHOOK and not self.compared

    @property
    def compared(self) -> frozenset[str]:
        """Leaves that are secrets: they are compared and go nowhere else."""
        return frozenset(f.at for f in self.fields if f.place == "output")


def plan_checks(configs: Sequence[Mapping[str, Any]], skills: Sequence[Targeted]) -> tuple[Check, ...]:
    """The configurations whose verifier is there and can answer, in their order."""
    checks: list[Check] = []
    for document in configs:
        config = stored_config(document)
        verifier = find_verifier(config.verifier_skill_id, skills)
        resolved = resolve(config, verifier) if verifier is not None else None
        if isinstance(resolved, Check):
            checks.append(resolved)
    return tuple(checks)


def find_verifier(named: str, skills: Sequence[Targeted]) -> Targeted | None:
    """The skill of that id or slug."""
    return next((s for s in skills if named in (s.id, s.slug)), None)


def resolve(config: VerificationConfig, verifier: Targeted) -> Check | list[Finding]:
    """The check of a configuration, or what keeps the verifier from carrying it out."""
    findings: list[Finding] = []
    call = with_fields(verifier.call, _unanswered(config, verifier.call))
    if call.effect != "read" and verifier.skill_type != "http_webhook":
        findings.append(Finding("verifierSkillId", "verifier_writes", "must be a skill that reads, or a webhook"))
    fields: list[CheckField] = []
    for place, name in enumerate(config.required_fields):
        if config.method == "otp_sms" and canonical_field(name) == ONE_TIME_CODE:
            continue
        found = _field(name, call)
        if found is not None and found.place == "input" and not PARAM.fullmatch(found.at):
            said = "cannot be the name of a member: letters, digits, '_' and '-', with a letter first"
            findings.append(Finding(f"requiredFields.{place}", "param_invalid", said))
        elif found is None:
            hint = did_you_mean(name, [*(i.param for i in _asked_inputs(call)), *(o.leaf for o in _told(call))])
            said = "is neither an input of the verifier that a caller can give nor a field it returns"
            findings.append(Finding(f"requiredFields.{place}", "field_not_checked", said, hint))
        elif any(found.at == f.at and found.place == f.place for f in fields):
            findings.append(Finding(f"requiredFields.{place}", "repeated_field", "is asked for already"))
        else:
            fields.append(found)
    findings += [*_unfilled(call, fields), *_proof(config, call, fields, complete=not findings)]
    if findings:
        return findings
    return Check(
        id=config.id or "",
        method=config.method,
        level=LEVELS[config.level],
        fields=tuple(fields),
        verifier=verifier,
        call=call,
        ttl_seconds=config.token_ttl_seconds,
        max_attempts=config.max_attempts,
        lock_seconds=config.lock_seconds,
        phone_leaf=config.phone_leaf if config.method == "otp_sms" else None,
    )


def _unanswered(config: VerificationConfig, call: FrozenCall) -> list[str]:
    """The required fields that are neither the code we send nor something the verifier declares to answer with."""
    leaves = {canonical_field(o.leaf) for o in _told(call)} | ({ONE_TIME_CODE} if config.method == "otp_sms" else set[str]())
    return [name for name in config.required_fields if canonical_field(name) not in leaves]


def _field(name: str, call: FrozenCall) -> CheckField | None:
    wanted = canonical_field(name)
    given = _named(name, wanted, {i.param: i for i in _asked_inputs(call)})
    if given is not None:
        return CheckField(wanted, kind_of(wanted, given.type), "input", given.param)
    leaf = _named(name, wanted, {o.leaf: o for o in _told(call) if o.leaf not in (VERIFIED_LEAF, SUBJECT_LEAF)})
    if leaf is not None:
        return CheckField(wanted, kind_of(wanted, leaf.column.type), "output", leaf.leaf)
    return None


def _named(name: str, wanted: str, named: Mapping[str, Any]) -> Any | None:
    return named.get(name) or next((v for k, v in named.items() if canonical_field(k) == wanted), None)


def _told(call: FrozenCall) -> list[Output]:
    return [o for o in call.outputs if not o.hidden]


def _asked_inputs(call: FrozenCall) -> list[CallInput]:
    return [i for i in call.inputs if i.source == "model"]


def _unfilled(call: FrozenCall, fields: Sequence[CheckField]) -> list[Finding]:
    filled = {f.at for f in fields if f.place == "input"}
    return [
        Finding(
            "requiredFields",
            "verifier_input_missing",
            f"must name {i.param!r} too: the verifier needs it",
            "Add it, or bind it with source session, verified or constant.",
        )
        for i in _asked_inputs(call)
        if i.required and i.param not in filled
    ]


def _proof(config: VerificationConfig, call: FrozenCall, fields: Sequence[CheckField], *, complete: bool) -> list[Finding]:
    """What of the method is missing: somebody to find, and something to prove it with."""
    if not complete:
        return []
    findings: list[Finding] = []
    inputs = [f for f in fields if f.place == "input"]
    known = [i for i in call.inputs if i.source in ("session", "verified")]
    if config.level == "basic" and any(i.source == "verified" for i in known):
        said = "needs what only a verified caller has; only an entry of level step_up may"
        findings.append(Finding("verifierSkillId", "verifier_needs_verified", said))
    leaves = {o.leaf for o in _told(call)}
    if call.kind == WEBHOOK and leaves and VERIFIED_LEAF not in leaves and all(f.place == "input" for f in fields):
        said = f"never says whether the caller is right: its answer is cut to {', '.join(sorted(leaves))}"
        hint = 'Add "verified" to executionConfig.returns.'
        findings.append(Finding("verifierSkillId", "verifier_says_nothing", said, hint))
    if not known and not any(f.kind not in ("digits", "answer") for f in inputs):
        said = "is told nothing that says whose record it is: a secret alone could be tried on everybody at once"
        hint = "Require a field such as an account number too, or bind the caller's number with source session."
        findings.append(Finding("verifierSkillId", "verifier_finds_nobody", said, hint))
    kinds = {f.kind for f in fields}
    match config.method:
        case "otp_sms":
            if not call.open_ended and config.phone_leaf not in {o.leaf for o in _told(call)}:
                hint = did_you_mean(config.phone_leaf, [o.leaf for o in _told(call)])
                said = f"must be a field the verifier returns: {config.phone_leaf!r} is not, and the code goes to that number"
                findings.append(Finding("phoneLeaf", "phone_missing", said, hint))
        case "dob_postcode":
            findings += [
                Finding("requiredFields", "nothing_proven", f"must have the {said} that dob_postcode asks for")
                for kind, said in (("date", "date of birth"), ("postcode", "postcode"))
                if kind not in kinds
            ]
        case "account_pin":
            if "digits" not in kinds:
                findings.append(Finding("requiredFields", "nothing_proven", "must have the PIN that account_pin asks for"))
        case "knowledge_based":
            if not any(f.secret or f.place == "output" for f in fields):
                said = "must have a field that only the account's holder can answer"
                findings.append(Finding("requiredFields", "nothing_proven", said))
    return findings

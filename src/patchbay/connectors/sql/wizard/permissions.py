"""What the roles may do, judged the same way for every SQL database: read_only_proof, excess_privileges, write_role."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.connectors.sql.privileges import Excess, WriteAccess
from patchbay.connectors.sql.wizard.checks import Verdict

MOST_TABLES = 8
EXPLAIN_BUDGET_S = 2.5
MOST_MENDS = 5
NO_WRITE_ROLE = Verdict("skipped", "There is no write role in the credentials; none is needed for reading.")
_RUN_SCRIPT = "Log in with the role that the read-only script makes, or run the statements in excess_privileges."


def judge_proof(access: WriteAccess, facts: dict[str, Any], *, dropped: str) -> Verdict:
    """The verdict on the read role. The privileges decide; the session and the protocol are nets.

    ``facts`` hold `tablesExplained` and `explainRefused` (changes that were planned, and how many of them the server refused
    for lack of privilege), `oneStatementPerMessage`, `sessionReadOnly` and `temporaryTableRefused` (None: not asked).
    ``dropped`` says what to do when the session's setting did not take.
    """
    if access.any:
        return Verdict("failed", _may_change(access), _RUN_SCRIPT, facts)
    if facts["explainRefused"] < facts["tablesExplained"]:
        return Verdict("failed", "The server planned a change that this role should not be allowed to make.", _RUN_SCRIPT, facts)
    if not facts["oneStatementPerMessage"]:
        return Verdict(
            "failed",
            "What answers runs several statements in one message, so a statement's end cannot be relied on.",
            "Connect to the server itself, or to a pooler that takes one statement at a time.",
            facts,
        )
    if not facts["sessionReadOnly"] or facts["temporaryTableRefused"] is False:
        return Verdict(
            "warning",
            "The role may change nothing, but the session is not held to reading.",
            dropped,
            facts,
        )
    how = "the server refuses for lack of privilege" if facts["tablesExplained"] else "nothing it was granted allows it"
    return Verdict("passed", f"The role may change nothing: {how}, and the session is read-only besides.", facts=facts)


def judge_excess(found: list[Excess], needless: str) -> Verdict:
    """The verdict on privileges beyond a role's purpose; ``needless`` begins the hint."""
    facts = {"excess": [msgspec.to_builtins(excess) for excess in found]}
    grave = [excess for excess in found if excess.severity == "severe"]
    mild = [excess for excess in found if excess.severity == "warning"]
    if not grave and not mild:
        return Verdict("passed", "The role holds no more privileges than it needs.", facts=facts)
    first = (grave or mild)[0]
    statements = list(dict.fromkeys(mend for excess in grave + mild for mend in excess.mend))
    rest = " (the others are in the facts)" if len(statements) > MOST_MENDS else ""
    hint = needless if not statements else f"{needless} As an administrator: {' '.join(statements[:MOST_MENDS])}{rest}"
    more = f" ({len(grave) + len(mild)} kinds of privileges in all)" if len(grave) + len(mild) > 1 else ""
    return Verdict("failed" if grave else "warning", f"{first.message}{more}", hint, facts)


def _may_change(access: WriteAccess) -> str:
    kinds = [f"{kind} on {count}" for kind in ("insert", "update", "delete", "truncate") if (count := getattr(access, kind))]
    return f"This role may change data: {', '.join(kinds)} tables or views."


def judge_write_role(access: WriteAccess, excess: list[Excess]) -> Verdict:
    """The verdict on the write role, which has logged in."""
    if not (access.insert or access.update):
        return Verdict(
            "failed",
            "The write role can log in but may insert or update nowhere.",
            "Run the write script with the tables it is for.",
            {"writable": 0},
        )
    verdict = judge_excess(excess, "Inserting and updating need none of it.")
    facts = {**verdict.facts, "insert": access.insert, "update": access.update, "tables": list(access.on)}
    if verdict.status == "passed":
        message = f"The write role may insert into {access.insert} and update {access.update} tables, and no more."
        return Verdict("passed", message, facts=facts)
    return Verdict(verdict.status, verdict.message, verdict.hint, facts)

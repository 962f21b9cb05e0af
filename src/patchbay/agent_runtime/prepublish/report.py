"""The report put together, and said in plain language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchbay.agent_runtime.knowledge.known import KnownSource, UnreadSource
from patchbay.agent_runtime.prepublish.flows import data_flows, told_words, will_say, wont_say
from patchbay.agent_runtime.prepublish.gates import caller_verification, guardrails, writes
from patchbay.agent_runtime.prepublish.learnable import unverified_caller_can_learn, whose_data
from patchbay.agent_runtime.prepublish.subject import Subject
from patchbay.agent_runtime.prepublish.warnings import warnings
from patchbay.agent_runtime.prepublish.words import counted, listed

_WHOSE = {
    "own": "of their own record, by who rings",
    "anyones": "of anyone they name",
    "everyones": "of everyone",
    "no_ones": "that is no one's",
}


def report_of(subject: Subject) -> dict[str, Any]:
    """The whole report; every member is computed from the frozen document and from what is known beside it."""
    report: dict[str, Any] = {
        "willSay": will_say(subject),
        "wontSay": wont_say(subject),
        "dataFlows": data_flows(subject),
        "guardrails": guardrails(subject),
        "callerVerification": caller_verification(subject),
        "unverifiedCallerCanLearn": unverified_caller_can_learn(subject),
        "writes": writes(subject),
        "knowledge": _knowledge(subject),
        "drift": [
            {"skillId": skill.id, "name": skill.name, "status": skill.drift["status"], "paused": skill.paused,
             "reasons": [] if skill.blocked else skill.drift["reasons"]}
            for skill in subject.skills
            if skill.drift is not None
        ],
        "warnings": warnings(subject),
    }  # fmt: skip
    return {"summary": _summary(subject, report), **report}


def _knowledge(subject: Subject) -> dict[str, Any]:
    known, unread = subject.agent.knowledge, subject.known.unread
    shown: dict[str, Any] = {
        "sources": len(known) + len(unread),
        "indexed": [_source(one.source_id, one.label, follows=one.follows) for one in known],
        "unread": [{**_source(one.source_id, one.label, follows=False), "status": one.status} for one in unread],
    }
    return {**shown, "text": _knowledge_words(known, unread)}


def _source(source_id: str, label: str, *, follows: bool) -> dict[str, Any]:
    return {"sourceId": source_id, "label": label, "follows": follows}


def _knowledge_words(known: Sequence[KnownSource], unread: Sequence[UnreadSource]) -> str:
    """For instance: ``Anyone is told what Menu and Hours say; Hours is followed as it changes. FAQ is not read yet.``"""
    if not known and not unread:
        return "No knowledge: the agent answers from its skills and its description alone."
    hold = "holds" if len(known) == 1 else "hold"
    names = listed([one.label for one in known])
    told = f"Anyone is told what {counted(len(known), 'source')} of knowledge {hold} ({names})"
    sentences = [f"{told}." if known else "Nothing of the agent's knowledge has been read yet, so it answers from none."]
    followed = [one.label for one in known if one.follows]
    if followed:
        sentences.append(f"What {listed(followed)} say is followed as it changes; the rest stays as it was published.")
    if unread:
        sentences.append(f"Not read, and so not published: {listed([one.label for one in unread])}.")
    return " ".join(sentences)


def _summary(subject: Subject, report: dict[str, Any]) -> str:
    name = subject.agent.profile.name
    will = [entry["name"] for entry in report["willSay"]]
    sentences = [f"{name} has {counted(len(subject.offered), 'skill')}: {listed(will, none='none that tells anything')}."]
    learnable = [skill for skill in subject.offered if skill.learnable]
    if not learnable:
        sentences.append("A caller whom nobody has verified can learn nothing from its skills.")
    for skill in learnable:
        whose = _WHOSE[whose_data(skill.call)[0]]
        sentences.append(f"An unverified caller can learn {told_words(skill.learnable)} {whose} ({skill.name}).")
    changing = [write["name"] for write in report["writes"] if write["published"]]
    sentences.append(f"It can change data by {listed(changing)}." if changing else "It changes no data.")
    sentences.append(f"{counted(len(report['guardrails']), 'guardrail')} active; {counted(len(report['warnings']), 'warning')}.")
    return " ".join(sentences)

"""What requests about sources hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_core import PydanticCustomError

from patchbay.agent_runtime.bodies import Body, composed, read_body
from patchbay.agent_runtime.knowledge.content.blocks import one_line
from patchbay.agent_runtime.knowledge.content.passages import LONGEST_HEADING
from patchbay.egress.urls import MOST_CHARACTERS, BadUrl, read_url
from patchbay.errors import Finding, ValidationFailed

Kind = Literal["url", "file", "text", "faq"]
MOST_TEXT = 400_000
"""Characters of a text in a request; longer ones are uploaded as a file."""
MOST_FAQS = 500
LONGEST_ANSWER = 10_000
LEAST_HOURS = 24
WEEKLY = 168
MOST_HOURS = 8_760


def _plain_url(value: str) -> str:
    try:
        return read_url(value).text
    except BadUrl as error:
        hint = {"hint": "Give the address of one page, such as https://acme.example/help."}
        raise PydanticCustomError("url_invalid", "cannot be used: {why}", {"why": str(error), **hint}) from None


def _visible(value: str) -> str:
    if not any(character.isalnum() for character in one_line(value)):
        raise PydanticCustomError("empty", "holds nothing to read")
    return value


Question = Annotated[str, Field(min_length=1, max_length=LONGEST_HEADING), AfterValidator(_visible)]
Answer = Annotated[str, Field(min_length=1, max_length=LONGEST_ANSWER), AfterValidator(_visible)]
Text = Annotated[str, Field(min_length=1, max_length=MOST_TEXT), AfterValidator(_visible)]
PageUrl = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS), AfterValidator(_plain_url)]


class Faq(Body):
    """A question and its answer."""

    question: Question
    answer: Answer


class NewSource(Body):
    """A source to add: `kind` and `label`, and the one member that goes with the kind."""

    kind: Kind
    label: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(composed)]
    url: PageUrl | None = Field(default=None, description="Of kind `url`: one page, or a PDF, Word or CSV file on the web.")
    file_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        validation_alias=AliasChoices("fileId", "file_id"),
        serialization_alias="fileId",
        description="Of kind `file`: what `POST /uploads` answered. `file_id` is taken too.",
    )
    text: Text | None = Field(default=None, description="Of kind `text`: plain text or Markdown.")
    faqs: Annotated[list[Faq], Field(min_length=1, max_length=MOST_FAQS)] | None = Field(
        default=None, description="Of kind `faq`: each question with its answer is one passage."
    )


class AutoRefresh(Body):
    """Whether a page is read again by itself, and how often. Members sent replace those stored."""

    auto_refresh: bool | None = None
    cadence_hours: Annotated[int, Field(ge=LEAST_HOURS, le=MOST_HOURS)] | None = Field(
        default=None, description="Hours between two readings; a week unless said."
    )


_MEMBER: dict[Kind, str] = {"url": "url", "file": "fileId", "text": "text", "faq": "faqs"}


def read_new_source(body: Any) -> NewSource:
    """The body of a new source. Raises :class:`ValidationFailed`, also for what does not go with its kind."""
    source = read_body(NewSource, body)
    held = {"url": source.url, "fileId": source.file_id, "text": source.text, "faqs": source.faqs}
    needed = _MEMBER[source.kind]
    findings = [
        Finding(name, "not_for_kind", f"does not go with kind {source.kind}", f"A {source.kind} source has {needed}.")
        for name, value in held.items()
        if value is not None and name != needed
    ]
    if held[needed] is None:
        findings.insert(0, Finding(needed, "required", f"is required for kind {source.kind}"))
    if findings:
        raise ValidationFailed(f"{findings[0].field} {findings[0].message}", errors=findings)
    return source


def read_auto_refresh(body: Any) -> AutoRefresh:
    """The body of a change. Raises :class:`ValidationFailed`."""
    return read_body(AutoRefresh, body)

"""Refusals on the wire: ``application/problem+json`` (RFC 9457), for everything that is not a success."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from patchbay.api.bodies import findings_of
from patchbay.api.visit import visit_of
from patchbay.errors import Finding, NotFound, PatchbayError, TooLarge, ValidationFailed

ERRORS_URI = "https://docs.flowyte.com/errors/"
MEDIA_TYPE = "application/problem+json"


class MethodNotAllowed(PatchbayError):
    """This path does not take that method; the Allow header lists those it takes."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class UnsupportedMediaType(PatchbayError):
    """The body must be JSON: send Content-Type: application/json."""

    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class Internal(PatchbayError):
    """Something went wrong on our side. Quote the request id when you report it."""

    code, status, title = "internal_error", 500, "Internal error"


class RouteNotFound(NotFound):
    """There is no such endpoint. The OpenAPI document at /api/v1/openapi.json lists all of them."""


class ProblemError(BaseModel):
    """One thing wrong with one place of the request."""

    field: str = Field(description="A dotted path into what was sent, such as `inputs.0.arg`.")
    code: str = Field(description="A stable word to branch on.")
    message: str
    hint: str | None = Field(default=None, description="What to do about it, or the nearest valid names.")


class Problem(BaseModel):
    """A refusal (RFC 9457). Branch on `status` and `code`; the wording of the others may change."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`https://docs.flowyte.com/errors/{code}` for a named problem, else `about:blank`.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    code: str
    requestId: str = Field(description="The id of this request, also in the X-Request-Id header.")
    hint: str | None = None
    errors: list[ProblemError] | None = None


def problem_document(error: PatchbayError, *, instance: str, request_id: str) -> dict[str, Any]:
    """The problem object of a refusal. Extensions never replace a standard member."""
    detail = error.detail
    if error.named and error.code not in detail:
        detail = f"{detail.rstrip('.')} ({error.code})."
    document: dict[str, Any] = {
        "type": f"{ERRORS_URI}{error.code}" if error.named else "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": detail,
        "instance": instance,
        "code": error.code,
        "requestId": request_id,
    }
    if error.hint:
        document["hint"] = error.hint
    if error.errors:
        document["errors"] = [_finding_json(finding) for finding in error.errors]
    return {**error.extensions, **document}


def _finding_json(finding: Finding) -> dict[str, str]:
    document = {"field": finding.field, "code": finding.code, "message": finding.message}
    return {**document, "hint": finding.hint} if finding.hint else document


def problem_response(connection: HTTPConnection, error: PatchbayError) -> JSONResponse:
    """The refusal as a response; on OpenAI's endpoint the members that OpenAI's clients read are beside ours."""
    visit = visit_of(connection)
    document = problem_document(error, instance=visit.path, request_id=visit.request_id)
    if visit.openai:
        document["error"] = openai_error(document)
    return JSONResponse(document, status_code=error.status, headers=dict(error.headers), media_type=MEDIA_TYPE)


def broken_off(connection: HTTPConnection, problem: Mapping[str, Any]) -> JSONResponse:
    """The problem that a turn broke off with, as the response of a request that is not streamed."""
    visit = visit_of(connection)
    document = {**problem, "instance": visit.path, "requestId": visit.request_id}
    if visit.openai:
        document["error"] = openai_error(document)
    return JSONResponse(document, status_code=int(problem["status"]), media_type=MEDIA_TYPE)


def openai_error(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The ``error`` member of OpenAI's API for a problem object."""
    status = int(problem["status"])
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    fallback = "invalid_request_error" if status < 500 else "server_error"
    errors: list[dict[str, str]] = problem.get("errors") or []
    param = errors[0]["field"] if errors else None
    return {"message": problem["detail"], "type": kinds.get(status, fallback), "param": param, "code": problem["code"]}


def validation_failure(findings: Sequence[Finding]) -> ValidationFailed:
    """All findings of a malformed request in one refusal, the first one as its sentence."""
    first = findings[0]
    detail = f"{first.field} {first.message}" if first.field else first.message
    if len(findings) > 1:
        detail += f" (and {len(findings) - 1} more, see errors)"
    return ValidationFailed(detail, errors=findings)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return problem_response(request, cast(PatchbayError, error))


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    return problem_response(request, validation_failure(findings_of(cast(RequestValidationError, error), request)))


async def _from_framework(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: unknown paths and methods."""
    raised = cast(HTTPException, error)
    if raised.status_code == 404:
        return problem_response(request, RouteNotFound())
    if raised.status_code == 405:
        return problem_response(request, MethodNotAllowed(headers={"Allow": ", ".join(_allowed(request))}))
    known: Mapping[int, type[PatchbayError]] = {413: TooLarge, 415: UnsupportedMediaType}
    if raised.status_code in known:
        return problem_response(request, known[raised.status_code]())
    if raised.status_code < 500:
        return problem_response(request, ValidationFailed(HTTPStatus(raised.status_code).phrase))
    return problem_response(request, Internal())


def _allowed(request: Request) -> list[str]:
    """Every method that some route of this path takes."""
    from fastapi.routing import iter_route_contexts

    methods: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        if context.methods and context.path_regex.match(request.scope["path"]):
            methods |= context.methods
    return sorted(methods)


def install(app: FastAPI) -> None:
    """Make every refusal of ``app`` a problem. What is not a refusal at all is answered by the door (500)."""
    app.add_exception_handler(PatchbayError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _from_framework)


_MEANING = {
    400: "The request is malformed; `errors` lists each place.",
    401: "No valid secret key was sent.",
    403: "The key lacks the scope, or the endpoint or provider is reserved.",
    404: "There is no such resource in your organization.",
    409: "The request conflicts with the current state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Well-formed, but it cannot work; `errors` lists each reason.",
    429: "Too many requests; wait for `Retry-After` seconds.",
    502: "The connected system refused.",
    503: "A system that this request needs does not answer.",
    504: "The connected system did not answer in time.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can refuse with these statuses, beside those every route can."""
    return {status: _declared(status) for status in sorted({401, 403, 429, *statuses})}


def _declared(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _MEANING[status], "content": {MEDIA_TYPE: {"schema": schema}}}


def problem_schemas(models: Iterable[type[BaseModel]] = (Problem, ProblemError)) -> dict[str, Any]:
    """The component schemas that :func:`problems` refers to."""
    return {model.__name__: _component(model) for model in models}


def _component(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema

"""The application factory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from patchbay.api import openapi, problems, request_log
from patchbay.api.door import MAX_BODY, Door
from patchbay.api.express import Express, express_routes
from patchbay.api.platform import Platform, open_platform
from patchbay.api.routers import (
    agents,
    audit_logs,
    bindings,
    chat_completions,
    chat_sessions,
    conversations,
    drift,
    guardrails,
    health,
    installs,
    integrations,
    knowledge,
    knowledge_preview,
    mcp,
    messages,
    oauth_callback,
    operator_events,
    packs,
    prepublish,
    roster,
    schema,
    scoping,
    simulate,
    skill_calls,
    skills,
    spreadsheets,
    sql_setup,
    uploads,
    variables,
    versions,
)
from patchbay.api.routing import PREFIX
from patchbay.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    # In the order they are looked through: first the routes that callers wait for.
    chat_sessions.router,
    chat_completions.router,
    skill_calls.router,
    mcp.router,
    health.router,
    audit_logs.router,
    integrations.router,
    packs.router,
    installs.router,
    installs.browser,
    packs.agent_router,
    spreadsheets.router,
    oauth_callback.router,
    sql_setup.router,
    schema.router,
    drift.router,
    scoping.router,
    agents.router,
    versions.router,
    prepublish.router,
    skills.router,
    skills.types_router,
    messages.router,
    roster.router,
    bindings.router,
    guardrails.router,
    variables.router,
    simulate.router,
    conversations.router,
    operator_events.router,
    knowledge_preview.router,
    uploads.router,
    knowledge.router,
)


class Application(FastAPI):
    """The framework's application, but for the routes that have a shorter way through the same door."""

    express: Express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what ``scope`` asks."""
        if scope["type"] != "http" or not await self.express.answered(self, scope, receive, send):
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, platform: Platform | None = None, max_body: int = MAX_BODY) -> FastAPI:
    """The server for ``settings``. A ``platform`` that is handed in is used as it is and stays the caller's to close."""
    request_log.configure(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        if platform is not None:
            app.state.platform = platform
            yield
            return
        async with open_platform(settings) as opened:
            app.state.platform = opened
            yield

    app = Application(
        title=openapi.TITLE,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(Door, max_body=max_body)
    app.express = Express(express_routes(ROUTERS), max_body=max_body)
    return app

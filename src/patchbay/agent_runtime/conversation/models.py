"""Which model speaks: the configured OpenAI-compatible endpoint, or the built-in planner when none is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from patchbay.agent_runtime.conversation.model import ModelClient
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.planner.client import Planner
from patchbay.agent_runtime.services import ModelFactory
from patchbay.settings import Settings


@asynccontextmanager
async def open_models(settings: Settings) -> AsyncGenerator[ModelFactory]:
    """The model for every agent of this installation. Its client is opened with the first use, reused, and closed at the end."""
    if settings.llm_base_url is None and settings.llm_api_key is None:
        planner = Planner()
        yield lambda _agent: planner
        return
    opened: list[ModelClient] = []
    async with AsyncExitStack() as stack:

        def model(_agent: FrozenAgent) -> ModelClient:
            if not opened:
                from patchbay.agent_runtime.conversation.openai_model import OpenAIModel

                client = OpenAIModel.from_settings(settings)
                stack.push_async_callback(client.close)
                opened.append(client)
            return opened[0]

        yield model

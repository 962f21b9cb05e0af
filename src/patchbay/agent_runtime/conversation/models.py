"""Which model speaks: the configured OpenAI-compatible endpoint, or the built-in planner when none is."""

from __future__ import annotations

from patchbay.agent_runtime.conversation.model import ModelClient
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.planner.client import Planner
from patchbay.agent_runtime.services import ModelFactory
from patchbay.settings import Settings


def model_factory(settings: Settings) -> ModelFactory:
    """The model for every agent of this installation. The client behind it is opened with its first use and then reused."""
    if settings.llm_base_url is None and settings.llm_api_key is None:
        planner = Planner()
        return lambda _agent: planner
    opened: list[ModelClient] = []

    def model(_agent: FrozenAgent) -> ModelClient:
        if not opened:
            from patchbay.agent_runtime.conversation.openai_model import OpenAIModel

            opened.append(OpenAIModel.from_settings(settings))
        return opened[0]

    return model

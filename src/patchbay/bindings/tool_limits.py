"""What the APIs of models take of tools, and the narrowest of it, which every tool is held to.

One tool that an API refuses takes the whole request with it, so a tool has to please all of them. Where an API says a limit, or
its refusals do, the source stands beside it; the rest is ours.
"""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""OpenAI: ``^[a-zA-Z0-9_-]{1,64}$`` (API reference, chat completions, tools.function.name). Anthropic: the same for tools, and
``^[a-zA-Z0-9_.-]{1,64}$`` for property names (its 400, ComposioHQ/composio#3500, #2330). Amazon Bedrock: ``[a-zA-Z0-9_-]+``, at
most 64 (API reference, ToolSpecification). Gemini: a letter or ``_`` first, at most 64 (FunctionDeclaration)."""
MAX_DESCRIPTION = 1_024
"""Characters of a tool's description. OpenAI: 1,024 (``string_above_max_length``, getsentry/sentry-mcp#106)."""
MAX_TOOLS = 128
"""OpenAI: 128 (``array_above_max_length``, vishalmysore/Tools4AI#16)."""
MAX_PROPERTIES = 64
"""Ours. OpenAI, structured outputs: 5,000 in a schema; Gemini has refused far fewer for being too complex."""
MAX_ENUM = 200
"""Labels of one property, ours. OpenAI, structured outputs: above 250 their text together is at most 15,000 characters."""
MAX_LABELS, MAX_LABEL_TEXT = 500, 15_000
"""Labels of one tool, and their characters. OpenAI, structured outputs: 1,000 (500 until 2025, community.openai.com/t/974416)
and 120,000 with all names."""
TYPES = frozenset({"string", "integer", "number", "boolean"})
"""One of each property: Gemini's ``type`` is one word and no list (API reference, Schema)."""
FORMATS = frozenset({"date-time"})
"""Gemini: only ``enum`` and ``date-time`` of a text (its 400, google-gemini/gemini-cli#3178). Others are said by a pattern."""
KEYWORDS = frozenset({"type", "description", "enum", "format", "minimum", "maximum", "maxLength", "pattern"})
LIST_KEYWORDS = frozenset({"type", "description", "items", "maxItems"})
OBJECT_KEYWORDS = frozenset({"type", "properties", "required", "additionalProperties"})
"""What every API takes in the place it stands in. No ``$ref``, ``$defs``, ``anyOf``, ``oneOf``, ``allOf``, ``not``, ``const``,
``default``, ``patternProperties`` or ``uniqueItems``: OpenAI's structured outputs and Gemini refuse some of them each, no tool
needs them. OpenAI's ``strict`` is not asked for: it would have every property required."""
MAX_TOOL_SIZE = 100_000
"""Characters of one tool as JSON, ours."""
MAX_TOOLS_SIZE = 400_000
"""Characters of all tools of an agent as JSON, ours: about half of the context of a large model. Results of 800 kB have ended
live calls (googleapis/mcp-toolbox#3637), and 871 tools of one system have come out as none (elie222/rakazo#382)."""

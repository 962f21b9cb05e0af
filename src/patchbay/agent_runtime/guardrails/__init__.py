"""Guardrails: the policies of an agent, compiled once for each version and evaluated by the engine on data no model can write.

They are evaluated in one fixed order: rate limits, business hours, verification before disclosure, field limits (on results,
before a model sees them), write gates, content rules (on what is said), escalation. ``docs/guardrails.md`` documents it.
"""

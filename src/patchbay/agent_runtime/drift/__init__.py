"""Drift: what the schema of today, and what live calls meet, mean to each skill. See ``docs/drift.md``."""

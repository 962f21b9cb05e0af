"""Agents and what they do: drafts and versions, skills, the conversation engine, its channels and its receipts."""

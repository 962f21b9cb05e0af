"""Caller verification: who the caller is, proven in code by a verifier skill, before anything of theirs is told or changed."""

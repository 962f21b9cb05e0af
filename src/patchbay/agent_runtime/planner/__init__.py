"""The built-in planner: speaks for an agent when no language model is configured. Deterministic, and English only.

It matches what was said to a skill, fills the skill's parameters from the words, asks for what is missing, reads results back
and hands off. It knows nothing that is not in the skills' own names, descriptions, parameters and leaves.
"""

"""The built-in planner: speaks for an agent with no language model, deterministically and in English only."""

"""Text messages: one carrier's API, over the guarded client."""

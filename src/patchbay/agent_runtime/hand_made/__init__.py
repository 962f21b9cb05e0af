"""Skills that are made by hand: each type of them is one entry of :mod:`patchbay.agent_runtime.hand_made.known`."""

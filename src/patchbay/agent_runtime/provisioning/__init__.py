"""Skills made from packs: a provider's actions and presets, put onto an agent."""

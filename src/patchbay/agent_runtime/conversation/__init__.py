"""One conversation: its events, the engine that makes them, the models that speak and the journal that keeps them."""

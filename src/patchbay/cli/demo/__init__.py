"""``patchbay demo``: the whole way from a database to an answered caller, each step shown as it happens."""

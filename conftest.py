"""Makes the servers that the tests start available in every area."""

pytest_plugins = ["tests.servers.postgres"]

"""What every test of the project starts from: the servers of tests/servers, and how long Hypothesis may look."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.mariadb", "tests.servers.postgres"]

settings.register_profile("developer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI repeats what is known; finding new examples is for whoever can look at them.
settings.register_profile("ci", settings.get_profile("developer"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "developer")

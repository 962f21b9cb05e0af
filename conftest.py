"""What every test of the project starts from: the servers of tests/servers, and how long Hypothesis may look."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.mariadb", "tests.servers.postgres"]

settings.register_profile("developer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI repeats what is known; finding new examples is for whoever can look at them.
settings.register_profile("ci", settings.get_profile("developer"), derandomize=True, database=None)
# `make nightly`: tens of thousands of steps of the state machines, with new examples each time.
settings.register_profile("nightly", settings.get_profile("developer"), max_examples=1000, stateful_step_count=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "developer"))

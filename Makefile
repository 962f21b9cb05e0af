# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
RUN := $(UV) run --locked

.PHONY: demo test check unit nightly servers bench openapi help

help:  ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(UV)  ## Watch an agent answer a customer from a real PostgreSQL database
	$(UV) run --locked --no-dev patchbay demo

test: $(UV) servers check unit  ## Install what the tests need, then check and run everything

servers:  ## Install the servers the tests start (Debian packages), when they are missing
	sh scripts/install-test-servers.sh

check: $(UV)  ## Format, lint, import layers, types
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) lint-imports
	$(RUN) pyright

unit: $(UV)  ## The tests alone
	$(RUN) pytest -n auto

nightly: $(UV)  ## The state machines, for tens of thousands of steps (minutes)
	HYPOTHESIS_PROFILE=nightly $(RUN) pytest tests/agent_runtime/test_gates_machine.py tests/store/test_tenants_machine.py

bench: $(UV)  ## The benchmarks, printed as tables (minutes)
	sh scripts/run-benchmarks.sh

openapi: $(UV)  ## Write docs/openapi.json anew
	$(RUN) python -m patchbay.api > docs/openapi.json

.tools/uv/bin/uv:
	sh scripts/fetch-uv.sh

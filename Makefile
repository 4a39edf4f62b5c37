# The chores, in one place. `make` lists them.
.DEFAULT_GOAL := help
LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet
TEAM_LOCK = $(LOCK) --extra team --constraint requirements.lock --no-annotate

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo:  ## watch a troubleshooting conversation on the sandbox
	uv run sms-tools demo

test:  ## all tests
	uv run pytest -q

lint:  ## format, lint and types
	uv run ruff format .
	uv run ruff check .
	uv run mypy

generated:  ## what is written from the code: the list of tools, snapshots, documents
	uv run python -m sms_tools.server.listing
	uv run pytest -q tests/server/test_snapshots.py --update-snapshots
	uv run python -m bench.documents

lock:  ## the exact versions with hashes, after a change in pyproject.toml
	$(LOCK) -o requirements.lock
	$(TEAM_LOCK) -o requirements-team.lock

lock-check:  ## do both fit pyproject.toml
	@cp requirements.lock .lock-now && $(LOCK) -o .lock-now && diff requirements.lock .lock-now; s=$$?; rm -f .lock-now; exit $$s
	@cp requirements-team.lock .lock-now && $(TEAM_LOCK) -o .lock-now && diff requirements-team.lock .lock-now; s=$$?; rm -f .lock-now; exit $$s

wheel:  ## dist/: the wheel
	uv build --wheel

bundle:  ## dist/: the bundle for Claude Desktop
	mkdir -p dist && npx --yes @anthropic-ai/mcpb@2 pack . dist/huaweicloud-sms-tools.mcpb

interop:  ## clients as people have them, and the conformance suite (npm, uv and Node 22)
	uv run python -m bench.interop
	uv run python -m bench.conformance

ci:  ## what every submission must pass
	bash .ci/run

.PHONY: help demo test lint generated lock lock-check wheel bundle interop ci

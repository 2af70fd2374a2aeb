# make lab     set up, then open JupyterLab on the first notebook   (make lab -- --execute: run it without a browser)
# make test    set up, then run every check
# make test-transformers   the checks of local model folders, which need torch and so are not part of `make test`
# make wheel   set up, then build the wheel into dist/
# Everything is installed into .venv, which `make clean` removes.

ARGS ?=
ifneq ($(filter --execute,$(MAKECMDGOALS)),)
ARGS += --execute
endif

.PHONY: lab test test-transformers wheel notebooks setup clean --execute

lab: setup
	@.venv/bin/dknb lab $(ARGS)

test: setup
	@.venv/bin/python .ci/checks.py

# Installs torch (200 MB without a graphics card's libraries) into an environment of its own.
test-transformers: setup
	@test -d build/transformers || python3 -m venv build/transformers
	@build/transformers/bin/python -m pip install -q torch==2.13.0 -c .ci/constraints.txt -e ".[test,transformers]"
	@build/transformers/bin/python -m pytest -q tests/llm/test_llm_transformers.py tests/llm/test_llm_conformance.py -k transformers

wheel: setup
	@.venv/bin/python -m hatchling build -t wheel -d dist

# Runs the notebooks and keeps their outputs: do this when what they show has changed.
notebooks: setup
	@.venv/bin/python .ci/notebooks.py

setup:
	@PYTHON="$(PYTHON)" sh .ci/setup

clean:
	rm -rf .venv build dist dknb/labextension labextension/node_modules labextension/lib labextension/src/generated
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/e2e/.screenshots

--execute:
	@:

# make lab     set up, then open JupyterLab on the first notebook   (make lab -- --execute: run it without a browser)
# make test    set up, then run every check
# make wheel   set up, then build the wheel into dist/
# Everything is installed into .venv, which `make clean` removes.

ARGS ?=
ifneq ($(filter --execute,$(MAKECMDGOALS)),)
ARGS += --execute
endif

.PHONY: lab test wheel notebooks setup clean --execute

lab: setup
	@.venv/bin/dknb lab $(ARGS)

test: setup
	@.venv/bin/python .ci/checks.py

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

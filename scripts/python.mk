# The Python package: built once as an abi3 wheel, installed into target/venv, checked, tested.

WHEELS := $(TARGET)/wheels
PY_PACKAGE := $(firstword $(wildcard python/trunkline python/src/trunkline python/python/trunkline))
PY_TESTS := $(wildcard tests/python python/tests)
PIP := $(PY) -m pip --disable-pip-version-check --quiet

.PHONY: wheel python
# With the profile of everything else here, so that nothing is compiled twice; `pip install ./python` takes `dist`.
wheel: setup-demo ## the abi3 wheel, in target/wheels
	@rm -rf $(WHEELS)
	MATURIN_PEP517_ARGS="--profile release" PATH="$(abspath $(VENV)/bin):$$PATH" $(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(WHEELS) ./python

python: wheel ## the Python module, in target/venv
	$(PIP) install --no-deps --force-reinstall $(WHEELS)/trunkline-*.whl

lint-python: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	MYPYPATH=$(dir $(PY_PACKAGE)) $(PY) -m mypy $(PY_PACKAGE) $(PY_TESTS) $(wildcard tests/demo/*.py) scripts/*.py
	$(PY) tests/cases/over_http2.py --check

.PHONY: test-python test-python-versions
ifneq ($(PY_TESTS),)
test-python: setup lib python
	$(PY) -m pytest $(PY_TESTS)
else
test-python: ## the Python tests
	@echo "skipped: there are no Python tests"
	@echo "0 passed, 0 failed, 1 skipped"
endif

test-python-versions: wheel ## the wheel imports on each CPython from 3.9 on that is here
	@bash scripts/python-versions.sh $(WHEELS)/trunkline-*.whl

# Everything a newcomer needs: `make demo`, `make test`. Both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: demo test check bench bench-models pictures clean
demo: $(STAMP)  ## the whole loop on real data: build, sign, push, run, report
	$(BIN)/factory demo $(DEMO)

test: check  ## every check, then every test, with coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TESTS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

check: $(STAMP)  ## format, lint, types, layers: seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## the benchmarks: each prints a table and writes JSON under build/benchmarks/
	for file in $(filter-out %/bench_models.py,$(wildcard benchmarks/bench_*.py)); do $(BIN)/python $$file || exit 1; done

bench-models: .venv-bench/installed  ## ours against other ways to make a model; DATA=FOLDER: where the sets are
	.venv-bench/bin/python benchmarks/bench_models.py $(if $(DATA),--data $(DATA)) $(BENCH)

.venv-bench/installed: pyproject.toml  # of its own: one of the rivals needs an older numpy
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -e '.[factory,bench]'
	touch $@

pictures: $(STAMP)  ## the README's screenshots, from the real page
	$(BIN)/python -m docs.screenshots

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[factory,dev]'
	touch $@

clean:
	rm -rf .venv .venv-bench build .coverage .mypy_cache .pytest_cache .ruff_cache

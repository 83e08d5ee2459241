# Two commands matter: `make demo` and `make test`. Each sets up all that it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-dist docs reference test-s3 test-ray test-mirrors test-integrations test-dashboard test-nfs test-nfs-slow kills proposals weight-sharing bench coverage check format clean

help:  ## what can be done
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Setting up $(VENV), once; torch makes it take a minute or more."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable .
	@touch $@

demo: $(INSTALLED)  ## one father, three children of other architectures; under two minutes
	$(BIN)/heredity run examples/father_and_children/experiment.yml

test: $(INSTALLED)  ## the tests, but for the slow ones
	$(BIN)/python -m pytest -n 2 -m "not slow and not nfs and not s3 and not gpu and not mirrors and not integrations and not dashboard and not ray and not distribution"

# Of test-slow, test-s3 and test-nfs a part can be run: PART=1/3 is every third test, from the first on.
PART := 1/1
test-slow: $(INSTALLED)  ## the slow tests; some need strace; PART=1/3 for a third
	$(BIN)/python -m pytest -n 2 --part $(PART) -m "slow and not nfs and not s3 and not mirrors and not ray and not distribution"

test-ray: $(INSTALLED)  ## trials on Ray clusters of several machines, all of them on this one
	$(BIN)/python -m pytest -m "ray and not integrations"

test-s3: $(INSTALLED)  ## the store on object store servers, which are started on loopback
	$(BIN)/python -m pytest -n 2 --part $(PART) -m "s3"

test-mirrors: $(INSTALLED)  ## results for MLflow, Parquet and W&B, in an environment beside the other one
	$(PYTHON) -m venv .venv-mirrors
	echo "import site; site.addsitedir('$$(realpath $(VENV)/lib/python3*/site-packages)')" \
		> $$(echo .venv-mirrors/lib/python3*/site-packages)/dev.pth
	.venv-mirrors/bin/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	.venv-mirrors/bin/python -m pip install --quiet --constraint constraints.txt --group mirrors
	.venv-mirrors/bin/python -m pytest -m "mirrors" tests/mirrors

test-integrations: $(INSTALLED)  ## trials of Lightning, Transformers, Ray Tune and others, in an environment beside the other one
	$(PYTHON) -m venv .venv-integrations
	echo "import site; site.addsitedir('$$(realpath $(VENV)/lib/python3*/site-packages)')" \
		> $$(echo .venv-integrations/lib/python3*/site-packages)/dev.pth
	.venv-integrations/bin/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	.venv-integrations/bin/python -m pip install --quiet --constraint constraints.txt --group integrations
	# Without xgboost and statsmodels, on which it insists: 400 MB that its populations do not import.
	.venv-integrations/bin/python -m pip install --quiet --constraint constraints.txt --no-deps syne-tune
	.venv-integrations/bin/python -m pytest -m "integrations" tests/integrations

test-dashboard: $(INSTALLED)  ## the dashboard's page in Chromium, which is installed by apt-get where it is missing
	command -v chromium > /dev/null || { apt-get update && apt-get install --yes --no-install-recommends chromium; }
	$(PYTHON) -m venv .venv-dashboard
	echo "import site; site.addsitedir('$$(realpath $(VENV)/lib/python3*/site-packages)')" \
		> $$(echo .venv-dashboard/lib/python3*/site-packages)/dev.pth
	.venv-dashboard/bin/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	.venv-dashboard/bin/python -m pip install --quiet --constraint constraints.txt --group dashboard
	.venv-dashboard/bin/python -m pytest -m "dashboard" tests/dashboard

test-nfs: $(INSTALLED)  ## the store on a real NFS server with two clients; root, and Debian's packages
	tests/nfs/lab/install.sh
	$(BIN)/python -m pytest --part $(PART) -m "nfs and not slow"

test-nfs-slow: $(INSTALLED)  ## the same by both versions, and with torch on each machine; half an hour
	tests/nfs/lab/install.sh
	$(BIN)/python -m pytest -m "nfs and slow"

test-dist: $(INSTALLED)  ## the wheel and the sdist, in environments of their own, without torch and with it
	$(BIN)/python -m pytest -m "distribution" tests/distribution

docs: $(INSTALLED)  ## the documentation as a site, in build/docs; warnings are errors
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html -c docs \
		-d build/doctrees . build/docs
	@echo "Open build/docs/index.html"

reference: $(INSTALLED)  ## docs/reference, written from the code
	$(BIN)/python -m docs.generators

kills: $(INSTALLED)  ## a store killed and refused at every system call, and a crowd of eight; half an hour
	mkdir -p runs/kills
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.store.kills runs/kills

proposals: $(INSTALLED)  ## ten thousand random proposals of transfers, each refused or measured; ten minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.transfer.proposals 10000

weight-sharing: $(INSTALLED)  ## NNI's example as it is, with all numbers of slots and trials, twenty times; hours
	mkdir -p runs/weight-sharing
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.nni.repetitions runs/weight-sharing 20 10

bench: $(INSTALLED)  ## the store beside its peers; writes under benchmarks/results/
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/store_files.py --report benchmarks/results/$$(date +%F)-store-files.md
	$(BIN)/python benchmarks/store_dedup.py --report benchmarks/results/$$(date +%F)-store-dedup.md
	$(BIN)/python benchmarks/store_index.py

# The rooms that users trust, and what tests each of them.
ROOMS := store experiment transfer
TESTS_store := tests/store tests/objects
TESTS_experiment := tests/experiment tests/test_journal*.py
TESTS_transfer := tests/transfer tests/graph tests/inheritance
comma := ,
space := $(subst ,, )

coverage: $(INSTALLED)  ## branch coverage of the rooms that users trust, at least 90 %; ROOMS="store" for one
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -q -n 2 -m "not slow and not nfs and not s3 and not gpu and not mirrors and not integrations and not dashboard and not ray and not distribution" \
		$(foreach room,$(ROOMS),$(TESTS_$(room)))
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=90 \
		--include="$(subst $(space),$(comma),$(foreach room,$(ROOMS),src/heredity/$(room)/*))"

check: $(INSTALLED)  ## format, lint, types, contracts, spelling, dependencies
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/deptry src

format: $(INSTALLED)  ## put the code into its form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## remove what was built, not what was run
	rm -rf $(VENV) .venv-mirrors .venv-integrations .venv-dashboard .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

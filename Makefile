# Every target makes what it needs: `make demo` and `make test` are all the set-up there is.
# PYTHON=python3.12 picks another interpreter; PIP_EXTRA_INDEX_URL is honoured by pip as usual.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help demo test check bench golden oracles sdk-test aws-smoke checkov docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/.local: pyproject.toml constraints.txt tools/make_venv.py
	@$(PYTHON) tools/make_venv.py $(VENV) --extra local
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt tools/make_venv.py
	@$(PYTHON) tools/make_venv.py $(VENV) --extra local --group dev
	@touch $(VENV)/.local $@

$(VENV)/.bench: pyproject.toml constraints.txt tools/make_venv.py
	@$(PYTHON) tools/make_venv.py $(VENV) --extra local --group dev --group bench
	@touch $(VENV)/.local $(VENV)/.dev $@

demo: $(VENV)/.local ## Prepare, train, evaluate and register a small language model, here and now
	@$(BIN)/fmo run pipelines/aws_docs_assistant.yaml

test: $(VENV)/.dev ## Run every test (unit, property, golden, functional, scripts, browser)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not aws and not gpu"

check: $(VENV)/.dev ## Lint, types, import contracts, docs tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs

bench: $(VENV)/.bench ## Measure what the README claims, each figure beside its peer
	@$(BIN)/python benchmarks/run.py

golden: $(VENV)/.dev ## Write tests/golden and the docs' tables anew; review the difference like code
	@$(BIN)/python tests/golden/update.py
	@$(BIN)/python -m orchestrator.spec.tables docs/steps/*.md

# The SageMaker SDK pins older versions than ours (rich<15), so it has an environment of its own.
build/sdk/.made: pyproject.toml
	@$(PYTHON) -m venv build/sdk
	@build/sdk/bin/pip install --quiet "sagemaker==3.27.0" -e . pytest pytest-socket "moto>=5.2.5,<5.3"
	@touch $@

sdk-test: build/sdk/.made ## Test the exchange with real objects of the SageMaker SDK (990 MB, once)
	@build/sdk/bin/python -m pytest -q -p no:cacheprovider -o filterwarnings=default tests/sdk

oracles: $(VENV)/.bench build/sdk/.made ## Record what the SageMaker SDK, rouge-score and trl answer, as fixtures of the tests
	@build/sdk/bin/python tests/oracles/record.py
	@build/sdk/bin/pip install --quiet rouge-score
	@build/sdk/bin/python tests/scripts/evaluation/record_rouge.py
	@$(BIN)/python tests/scripts/training/record_dpo.py
	@$(BIN)/python tests/scripts/training/record_judgements.py
	@$(BIN)/pip install --quiet --no-deps --target build/reft pyvene==0.1.8 pyreft==0.1.0
	@$(BIN)/pip install --quiet --target build/reft-needs matplotlib plotnine ipywidgets sentencepiece protobuf
	@PYTHONPATH=build/reft:build/reft-needs $(BIN)/python tests/scripts/training/record_reft.py
	@$(BIN)/python tools/peft_methods.py $$(date +%F)

aws-smoke: $(VENV)/.local ## Try a small pipeline in your AWS account: says the cost, asks, cleans up (ARGS=--help)
	@$(BIN)/python -m tools.aws_smoke $(ARGS)

checkov: ## Check infra/ as checkov does, in an environment of its own (it pins what the tests pin otherwise)
	@$(PYTHON) -m venv build/checkov
	@build/checkov/bin/pip install --quiet "checkov==3.3.30"
	@cd infra && ../build/checkov/bin/checkov --directory . --framework cloudformation --compact --quiet --skip-download

clean: ## Remove what the other targets made (not .fmo, which holds your runs)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

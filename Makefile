# Everything runs from .venv with pinned versions; `make demo` is a fine first command on a fresh Debian 12.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
VENV := $(CURDIR)/.venv
VENV_STAMP := $(VENV)/.requirements
HOSTS := $(PYTHON) tests/hosts/hosts.py
SANITY := build/sanity/ansible_collections/blyan/ops

export PATH := $(VENV)/bin:$(PATH)
# For whoever runs podman by way of Ansible or Molecule; hosts.py sets it by itself.
export CONTAINERS_CONF := $(CURDIR)/tests/hosts/containers.conf
# Molecule's own place depends on the checkout's last folder name alone, which two checkouts may share.
export MOLECULE_EPHEMERAL_DIRECTORY := $(CURDIR)/build/molecule

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##-- The demo

.PHONY: demo
demo: venv ## Boot a bare host, provision it, deploy the reference app; say what to try next
	@bash tests/hosts/demo.sh

.PHONY: demo-down
demo-down: ## Remove the demo's host
	@$(HOSTS) down demo

##-- What the others need

.PHONY: system
system: ## Install the Debian packages that are missing (podman and the like)
	@bash tests/hosts/system.sh $(PYTHON)

.PHONY: venv
venv: system $(VENV_STAMP) ## Make .venv with all that the targets use, pinned

$(VENV_STAMP): requirements.txt requirements-dev.txt constraints.txt
	@echo "Making .venv (about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

##-- Tests

.PHONY: test
test: lint unit sanity molecule e2e ## All of the tests, the quick ones first

.PHONY: lint
lint: venv ## ruff, mypy, yamllint, ansible-lint; changelog fragments and plugin documentation
	ruff check .
	ruff format --check .
	mypy
	mypy benchmarks tests/integration tests/reference_app/*.py
	yamllint --strict .
	ansible-lint --offline --strict
	antsibull-changelog lint
	antsibull-docs lint-collection-docs --plugin-docs .

.PHONY: unit
unit: venv ## Unit tests
	pytest tests/unit --numprocesses=auto

# ansible-test wants a Git checkout at a path of that form, and refuses links to folders, such as .collections has.
# The first step in its own environments is a script from a server of its makers, which few networks allow:
# in its place goes one that installs the pip which comes with Python. HOME keeps all that out of yours.
.PHONY: sanity
sanity: venv ## ansible-test sanity, on an exported copy of the working tree
	@rm -rf $(SANITY) && mkdir -p $(SANITY) build/sanity/home/.ansible/test/cache
	@git ls-files -z --cached --others --exclude-standard --deduplicate | \
		grep -zv '^\.collections/' | while IFS= read -r -d '' f; do [ ! -e "$$f" ] || printf '%s\0' "$$f"; done | \
		tar --null --files-from=- --create | tar --extract --directory=$(SANITY)
	@version=$$(sed -n "s/.*pip='\([0-9.]*\)'.*/\1/p" \
		$(VENV)/lib/python3*/site-packages/ansible_test/_internal/python_requirements.py) && \
		printf 'import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n' \
		> "build/sanity/home/.ansible/test/cache/get_pip_$${version//./_}.py"
	cd $(SANITY) && git init --quiet && git add --all && \
		HOME=$(CURDIR)/build/sanity/home ansible-test sanity --requirements --color no \
		--python $$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

.PHONY: molecule
molecule: venv ## One Molecule scenario for each role, or that of one: ROLE=deploy
	@rm -rf build/molecule
	molecule test $(if $(ROLE),--scenario-name $(ROLE),--all)

.PHONY: e2e
e2e: venv ## The playbooks from end to end, on real hosts
	pytest tests/integration --numprocesses=2 --dist=loadfile --durations=15

.PHONY: bench
bench: venv ## The benchmarks (results in build/benchmarks)
	python benchmarks/run.py

##-- The rest

.PHONY: build
build: venv ## The collection as an archive, in build/
	ansible-galaxy collection build --force --output-path build

.PHONY: clean
clean: ## Remove all hosts, their image, .venv and build
	@if command -v podman > /dev/null; then $(HOSTS) clean; fi
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .ansible

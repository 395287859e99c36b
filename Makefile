# The project's commands; `make` lists them. Each sets up what it needs, in folders of this
# repository only, and does so again when a lock file changes.

PYTHON ?= python3
ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
UV := $(RUN) -m uv --quiet --no-config
MINISTACK := .local/ministack

# Stamps for what is finished: the interpreter, say, is there before pip is.
CREATED := $(VENV)/.created
PACKAGES := $(VENV)/.packages
EMULATOR := $(MINISTACK)/.packages
# There are JavaScript checks only where there is a lock for them.
NODE_PACKAGES := $(patsubst %/package-lock.json,%/node_modules/.packages,$(wildcard tests/js/package-lock.json))
# The environment that Pulumi.yaml has the CLI make, as long as no lock has changed since.
PULUMI_VENV ?= .local/pulumi-venv
PULUMI_PACKAGES := $(PULUMI_VENV)/.packages
# Deno, for the comparison with the original.
BENCH_PACKAGES := tests/benchmarks/node_modules/.packages

# The local stack runs in the environment that is there, and else has one of its own, half as large.
LOCAL_VENV := .local/venv
RUNS_ONLY := $(if $(wildcard $(PACKAGES))$(filter-out local policy,$(MAKECMDGOALS)),,yes)
LOCAL_PACKAGES := $(if $(RUNS_ONLY),$(LOCAL_VENV)/.packages,$(PACKAGES))
LOCAL_PYTHON := $(if $(RUNS_ONLY),$(LOCAL_VENV),$(VENV))/bin/python

# So do operators' commands, with a small one; that of the local stack has what they need, too.
OPERATORS := $(if $(wildcard $(LOCAL_VENV)/.packages),$(LOCAL_VENV),.local/operators)
OPERATE_PACKAGES := $(if $(wildcard $(PACKAGES)),$(PACKAGES),$(OPERATORS)/.packages)
OPERATE_PYTHON := $(if $(wildcard $(PACKAGES)),$(RUN),$(OPERATORS)/bin/python)
ONLY_LOCAL = test -z "$(STACK)" || { echo "This is for the local stack only: leave STACK out" >&2; exit 2; }

# Another environment's settings must not leak into ours; without bytecode every start is slow.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
# Certificates that this machine trusts are trusted, as pip does: a company's proxy may have its own.
export UV_SYSTEM_CERTS := 1
# Where there is no network it is better said soon than tried often.
export PIP_RETRIES ?= 1
export UV_HTTP_RETRIES ?= 1
export npm_config_fetch_retries ?= 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help

## Use

.PHONY: local
local: $(LOCAL_PACKAGES) $(EMULATOR) ## Deploy to an embedded AWS on 127.0.0.1 and serve until Ctrl-C
	@PYTHONPATH=infra:lambda_src exec $(LOCAL_PYTHON) -m operate.page

# Asked for by Pulumi itself, after a preview: it asks at a terminal only.
CAN_BE_ASKED = test "$(YES)" = 1 || { test -t 0 && test -t 1; } || { \
  echo "There is no terminal here to ask whether to deploy. To deploy without asking:" >&2; \
  echo "  make deploy STACK=$(STACK) YES=1" >&2; exit 2; }

.PHONY: deploy
deploy: may-deploy $(PULUMI_PACKAGES) ## Deploy to AWS with the Pulumi CLI: make deploy STACK=dev, YES=1 not to be asked
	pulumi up --stack "$(STACK)"$(if $(filter 1,$(YES)), --yes)

.PHONY: may-deploy
may-deploy:
	@test -n "$(STACK)" || { echo "Which stack? make deploy STACK=dev" >&2; exit 2; }
	@command -v pulumi >/dev/null || { \
	  echo "The Pulumi CLI is not installed: https://www.pulumi.com/docs/install/" >&2; \
	  echo "(make local needs neither the CLI nor an AWS account.)" >&2; exit 1; }
	@$(CAN_BE_ASKED)
	$(CHECK_PYTHON)

# What an operator's command is told by JSON=1 and STACK=dev.
OPERATE = PYTHONPATH=infra:lambda_src exec $(OPERATE_PYTHON) -m operate
CHOSEN = $(if $(STACK),--stack "$(STACK)") $(if $(JSON),--json)

.PHONY: policy
policy: $(LOCAL_PACKAGES) ## Print the IAM policy of who deploys: STACK=dev ACCOUNT=... REGION=... DOMAIN=, BOUNDARY=
	@test -n "$(STACK)" -a -n "$(ACCOUNT)" -a -n "$(REGION)" || { echo "For which stack? make policy STACK=dev ACCOUNT=123456789012 REGION=eu-central-1" >&2; exit 2; }
	@PYTHONPATH=infra:lambda_src exec $(LOCAL_PYTHON) -m operate.deployer --stack "$(STACK)" --account "$(ACCOUNT)" --region "$(REGION)" $(if $(DOMAIN),--domain "$(DOMAIN)") $(if $(BOUNDARY),--boundary "$(BOUNDARY)")

.PHONY: keys
keys: $(OPERATE_PACKAGES) ## Show the signing keys; STACK=dev for a deployed stack, JSON=1
	@$(OPERATE) keys $(CHOSEN)

.PHONY: rotate
rotate: $(OPERATE_PACKAGES) ## Rotate the signing keys; STACK=dev for a deployed stack, JSON=1
	@$(OPERATE) rotate $(CHOSEN)

.PHONY: revoke
revoke: $(OPERATE_PACKAGES) ## Revoke a signing key at once: KID=... (its first letters do), or ALL=1; STACK=dev, YES=1, JSON=1
	@case "$(ALL)" in ""|1) ;; *) \
	  echo "ALL=$(ALL)? Only ALL=1 revokes every key; for one of them: make revoke KID=..." >&2; exit 2;; esac
	@test -n "$(KID)$(ALL)" || { echo "Which key? make revoke KID=..., or ALL=1" >&2; exit 2; }
	@$(OPERATE) revoke $(if $(ALL),--all) $(if $(KID),--kid "$(KID)") $(if $(YES),--yes) $(CHOSEN)

.PHONY: bootstrap
bootstrap: $(OPERATE_PACKAGES) ## Make the key ring where there is none; NEW_RING=1 replaces a lost one; STACK=dev, YES=1, JSON=1
	@$(OPERATE) bootstrap $(if $(NEW_RING),--new-ring) $(if $(YES),--yes) $(CHOSEN)

.PHONY: logs
logs: $(OPERATE_PACKAGES) ## Show what the functions logged; FUNCTION=auth, FOLLOW=1, MINUTES=60, STACK=dev
	@$(OPERATE) logs $(if $(FUNCTION),--function "$(FUNCTION)") $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(FOLLOW),--follow) $(CHOSEN)

.PHONY: user
user: $(OPERATE_PACKAGES) ## Make another user of the local stack: EMAIL=ann@example.com, PASSWORD=- to type it
	@test -n "$(EMAIL)" || { echo "Who? make user EMAIL=ann@example.com" >&2; exit 2; }
	@$(ONLY_LOCAL)
	@$(OPERATE) user --email "$(EMAIL)" $(if $(PASSWORD),--password "$(PASSWORD)") $(CHOSEN)

# CLAIMS is JSON, whose quotes the shell must not see.
.PHONY: token
token: export TOKEN_CLAIMS = $(CLAIMS)
token: $(OPERATE_PACKAGES) ## Print a token of the local stack for anybody: SUB=user-1, ROLE=, CLAIMS='{"org":"x"}'
	@test -n "$(SUB)" || { echo "For whom? make token SUB=user-1" >&2; exit 2; }
	@$(ONLY_LOCAL)
	@$(OPERATE) token --sub "$(SUB)" $(if $(ROLE),--role "$(ROLE)") $${TOKEN_CLAIMS:+--claims "$$TOKEN_CLAIMS"} $(CHOSEN)

# The token is passed on through the environment: a command line can be read by everybody here.
.PHONY: doctor
doctor: export DOCTOR_TOKEN = $(TOKEN)
doctor: export DOCTOR_LOGIN = $(LOGIN)
doctor: $(OPERATE_PACKAGES) ## Why does it not sync? TOKEN=- or LOGIN=- judge a token; STACK=dev, JSON=1
	@$(OPERATE) doctor $(CHOSEN)

## Work on it

# Three workers on two cores, since some tests mostly wait; those begin (see tests/conftest.py).
.PHONY: test
test: $(PACKAGES) $(EMULATOR) $(NODE_PACKAGES) ## Run every test; ARGS="-k jwks" for some of them
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" exec $(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: check
check: $(PACKAGES) ## Check format, lint, types and imports
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@PYTHONPATH=infra:lambda_src $(VENV)/bin/lint-imports --no-cache --no-logo

.PHONY: bench
bench: $(PACKAGES) $(EMULATOR) $(BENCH_PACKAGES) ## Measure, and compare with the bounds
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" PYTHONPATH=infra:lambda_src exec $(RUN) -m tests.benchmarks $(ARGS)

.PHONY: retries
retries: $(NODE_PACKAGES) ## Count the requests of a device that gets no token, under the real SDK
	@cd tests/js && ALL_ANSWERS=1 exec ../../$(VENV)/bin/node --no-warnings --test powersync_node.test.mjs

.PHONY: sbom
sbom: $(PACKAGES) ## List what is in the Lambda zip: .local/sbom.cdx.json (CycloneDX)
	@mkdir -p .local
	@$(RUN) -m cyclonedx_py requirements lambda_src/requirements.txt --output-reproducible --output-file .local/sbom.cdx.json

.PHONY: released
released: $(PACKAGES) ## At a release: note what its functions read, for the next one to be compared with
	@PYTHONPATH=infra:lambda_src $(RUN) -m tests.infra.previous_release

.PHONY: setup
setup: $(PACKAGES) $(EMULATOR) $(NODE_PACKAGES) ## Only set everything up

# Kept versions stay; UPGRADE=1 takes the newest that requirements/*.in allow.
COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --no-annotate $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(PACKAGES) ## Lock the dependencies of requirements/*.in; UPGRADE=1 renews all
	@$(COMPILE) requirements/uv.in -o requirements/uv.txt >/dev/null
	@$(COMPILE) requirements/deploy.in -o requirements.txt >/dev/null
	@$(COMPILE) requirements/lambda.in -o lambda_src/requirements.txt >/dev/null
	@$(COMPILE) requirements/operate.in -o requirements/operate.txt >/dev/null
	@$(COMPILE) requirements/local.in -o requirements/local.txt >/dev/null
	@$(COMPILE) requirements/dev.in -o requirements/dev.txt >/dev/null
	@$(COMPILE) requirements/ministack.in -o requirements/ministack.txt >/dev/null
	@git diff --stat -- requirements requirements.txt lambda_src/requirements.txt

.PHONY: clean
clean: ## Remove everything that the commands above have made
	rm -rf $(VENV) .local tests/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find infra lambda_src local operate tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Set up

# Virtual environments are made with it: ours, and the one of the Pulumi CLI.
define CHECK_PYTHON
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "Python 3.11 or newer is needed, and $(PYTHON) is not: $$($(PYTHON) --version 2>&1)." >&2; \
  echo "Name another one: make $(MAKECMDGOALS)$(if $(STACK), STACK=$(STACK)) PYTHON=python3.13" >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; \
  exit 1; }
endef

# An environment whose Python was removed or upgraded has a dangling link for it: it is made again.
unless_there = $(if $(realpath $(1)),,FORCE)
.PHONY: FORCE

# What, about how many MB, where, and the command. A test compares the sizes with what is there.
SET_UP := $(PYTHON) requirements/set_up.py
PIP := -m pip --disable-pip-version-check install --quiet --require-hashes --requirement

$(CREATED): $(call unless_there,$(RUN))
	$(CHECK_PYTHON)
	@$(SET_UP) "a virtual environment" 30 $(VENV) '$(PYTHON) -m venv --clear $(VENV)'
	@touch $@

$(PACKAGES): requirements/uv.txt requirements/dev.txt $(CREATED)
	@$(SET_UP) "Python packages" 620 $(VENV) \
	  '$(RUN) $(PIP) requirements/uv.txt && $(UV) pip sync --python $(RUN) --require-hashes requirements/dev.txt'
	@touch $@

# A folder of its own: MiniStack pins versions of packages that we use too. It has the same Python
# as ours, so it is made anew when ours was.
$(EMULATOR): UV := $(LOCAL_PYTHON) -m uv --quiet --no-config
$(EMULATOR): requirements/ministack.txt $(if $(RUNS_ONLY),,$(CREATED)) $(call unless_there,$(MINISTACK)/bin/python) | $(LOCAL_PACKAGES)
	@$(SET_UP) "MiniStack, the embedded AWS," 50 $(MINISTACK) \
	  '$(UV) venv --clear --python $(LOCAL_PYTHON) $(MINISTACK) && $(UV) pip sync --python $(MINISTACK)/bin/python --require-hashes requirements/ministack.txt'
	@touch $@

$(PULUMI_PACKAGES): export PULUMI_PYTHON_CMD = $(PYTHON)
$(PULUMI_PACKAGES): requirements.txt infra/requirements.txt $(call unless_there,$(PULUMI_VENV)/bin/python) | may-deploy
	pulumi install
	@mkdir -p $(@D) && touch $@

.local/operators/.packages: requirements/operate.txt $(call unless_there,.local/operators/bin/python)
	$(CHECK_PYTHON)
	@$(SET_UP) "what operators need" 90 $(@D) \
	  '$(PYTHON) -m venv --clear $(@D) && $(@D)/bin/python $(PIP) requirements/operate.txt'
	@touch $@

$(LOCAL_VENV)/.packages: requirements/local.txt $(call unless_there,$(LOCAL_VENV)/bin/python)
	$(CHECK_PYTHON)
	@$(SET_UP) "what the local stack needs" 330 $(@D) \
	  '$(PYTHON) -m venv --clear $(@D) && $(@D)/bin/python $(PIP) requirements/local.txt'
	@touch $@

tests/%/node_modules/.packages: tests/%/package.json tests/%/package-lock.json | $(PACKAGES)
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" NODE_OPTIONS=--use-system-ca $(SET_UP) "JavaScript packages" $(NODE_MB_$*) \
	  tests/$*/node_modules 'cd tests/$* && npm ci --no-audit --no-fund'
	@touch $@

NODE_MB_js := 90
NODE_MB_benchmarks := 140

# `make demo` and `make test` do all of the set-up on a fresh machine.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
JOBS   ?= 2
DEMO   ?= demo
ROOM   ?= metrics
CT     ?= $(DEMO)/phantom/dicom
BENCH  ?=
PYTHONS ?=
GPG_KEY ?=
WEIGHTS_URL ?=
# What pip takes for MONAI: its newest release, or monai==1.5.0, or monai-weekly for its previews.
MONAI  ?= monai
# Where PyTorch is taken from; https://download.pytorch.org/whl/cpu for its CPU build.
TORCH_INDEX ?=
PIP    := $(BIN)/python -m pip install --progress-bar on -c constraints.txt

.PHONY: help mutation demo test test-all test-plain test-browser test-deploy test-monai-newest lint types pins docs check coverage bench zoo release clean

help:
	@echo "make demo    a synthetic study through the whole chain; prints the findings"
	@echo "make test    the tests without the slow ones"
	@echo "make test-all     all tests"
	@echo "make coverage     which lines the tests without the slow ones run, in build/coverage"
	@echo "make test-plain   some of them without what changes the whole process (NODULUS_PLAIN=1)"
	@echo "make test-browser the review page in Chromium"
	@echo "make test-deploy  the MONAI Deploy application on its SDK, and what its packager is given"
	@echo "make test-monai-newest  the bundles with the newest MONAI, or another: MONAI=monai-weekly"
	@echo "make lint    ruff and the import rules"
	@echo "make types   mypy"
	@echo "make check   lint, types and tests"
	@echo "make docs    the documentation site, in build/site"
	@echo "make pins    whether constraints.txt resolves on every supported Python and system"
	@echo "make mutation     small changes in a sample of a room, and what its tests notice; ROOM=chain"
	@echo "make bench   the chain's times beside others; CT=DICOM_FOLDER, BENCH='--parts detect' for some"
	@echo "make zoo     the bundles as zips for MONAI's model zoo, in build/zoo"
	@echo "make release wheel, source archive, bill of materials, licences and checksums, in dist"
	@echo "make clean   remove the environment and what demo wrote"

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade pip
	$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) torch)
	$(PIP) -e ".[train,dev,docs]"
	touch $@

# The SDK makes every import of monai slow, and its packager wants other versions: each has an
# environment of its own. The SDK's sees the packages of $(VENV) behind its own, so that PyTorch is
# there once; it lies inside the package monai, which is therefore installed again beside it.
PURELIB := -c "import sysconfig; print(sysconfig.get_path('purelib'))"

$(VENV)-deploy/.installed: $(VENV)/.installed
	$(BIN)/python -m venv $(VENV)-deploy
	$(BIN)/python $(PURELIB) > "$$($(VENV)-deploy/bin/python $(PURELIB))/behind.pth"
	$(VENV)-deploy/bin/python -m pip install -q -c constraints.txt --no-deps --ignore-installed monai
	$(VENV)-deploy/bin/python -m pip install -q -c constraints.txt -e ".[deploy]"
	touch $@

$(VENV)-package/.installed: app/deploy/packager.txt
	$(PYTHON) -m venv $(VENV)-package
	$(VENV)-package/bin/python -m pip install -q -r app/deploy/packager.txt
	touch $@

# The main path: reading, the chain, results, the command.
PLAIN_TESTS := $(addprefix tests/app/, test_process.py commands/test_detect.py chain/test_analyse.py \
               reading/test_discovery.py reading/test_pixels.py results/test_write_results.py)

test-plain: $(VENV)/.installed
	NODULUS_PLAIN=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PLAIN_TESTS)

# The review page in Chromium: needs Debian's chromium or NODULUS_CHROMIUM, and npm for axe-core.
test-browser: $(VENV)/.installed
	$(BIN)/python -m pytest -n 0 -m browser tests/app/review tests/app/results/test_report_in_browser.py \
		tests/app/serve/test_oidc_in_browser.py tests/app/serve/test_work_list_in_browser.py

test-deploy: $(VENV)-deploy/.installed $(VENV)-package/.installed
	$(VENV)-deploy/bin/python -m pytest $(addprefix tests/app/deploy/test_, application.py package.py dockerfile.py bundle_operator.py)

# Metadata, networks, loading, inference of a small CT, and its detector, by MONAI's own functions.
MONAI_TESTS := tests/bundles/test_zoo.py tests/bundles/test_metadata.py \
               tests/transforms/test_network_space.py tests/app/candidates/test_monai_detection.py

# Anew each time, for the newest one changes; all other packages are those of $(VENV).
test-monai-newest: $(VENV)/.installed
	$(BIN)/python -m venv --clear $(VENV)-monai
	$(BIN)/python $(PURELIB) > "$$($(VENV)-monai/bin/python $(PURELIB))/behind.pth"
	$(VENV)-monai/bin/python -m pip install -q --no-deps --ignore-installed --upgrade $(MONAI)
	$(BIN)/python -c "import monai; print('pinned: MONAI', monai.__version__)"
	$(VENV)-monai/bin/python -c "import monai; print('tested: MONAI', monai.__version__)"
	$(VENV)-monai/bin/python -m pytest $(MONAI_TESTS)

demo: $(VENV)/.installed
	$(BIN)/nodulus phantom --studies 1 --seed 7 --nodules test --format dicom -o $(DEMO)/phantom
	$(BIN)/nodulus detect $(DEMO)/phantom/dicom -o $(DEMO)/results
	@echo
	@echo "The report, to open in a browser:"
	@ls $(CURDIR)/$(DEMO)/results/*/report.html

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow"

coverage: $(VENV)/.installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow" --cov --cov-report=term --cov-report=html

test-all: $(VENV)/.installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# The installed layout out of links, for tools that look for packages below nodulus/.
LAYOUT := build/layout
$(LAYOUT)/nodulus: Makefile
	mkdir -p $@
	ln -sfn $(addprefix $(CURDIR)/, app bundles configs transforms $(wildcard nodulus/*.py) nodulus/py.typed) $@/
	touch $@

lint: $(VENV)/.installed $(LAYOUT)/nodulus
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/vermin --quiet --no-tips --target=3.10- --violations app benchmarks bundles nodulus tests transforms
	cd $(LAYOUT) && $(abspath $(BIN))/lint-imports --config $(CURDIR)/pyproject.toml --no-logo

types: $(VENV)/.installed $(LAYOUT)/nodulus
	cd $(LAYOUT) && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml

mutation: $(VENV)/.installed
	$(BIN)/python .ci/mutation.py $(ROOM) --jobs $(JOBS)

pins: $(VENV)/.installed
	$(BIN)/python .ci/pins.py

docs: $(VENV)/.installed $(LAYOUT)/nodulus
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

check: lint types test

bench: $(VENV)/.installed
	test "$(CT)" != "$(DEMO)/phantom/dicom" -o -d "$(CT)" || $(MAKE) demo
	$(BIN)/python benchmarks/chain.py "$(CT)" -o bench $(BENCH)

# WEIGHTS_URL: where the weights will lie; the folders beside the zips then name it.
zoo: $(VENV)/.installed
	$(BIN)/python -m nodulus.bundles.common.zoo -o build/zoo $(if $(WEIGHTS_URL),--weights-url "$(WEIGHTS_URL)")

$(VENV)-release/.installed: .ci/release.txt
	$(PYTHON) -m venv $(VENV)-release
	$(VENV)-release/bin/python -m pip install -q -r .ci/release.txt
	touch $@

# PYTHONS: to install with, such as "python3.10 python3.13"; GPG_KEY: signs the checksums.
release: $(VENV)-release/.installed
	$(VENV)-release/bin/python .ci/release.py $(addprefix --python ,$(PYTHONS)) $(if $(GPG_KEY),--gpg-key $(GPG_KEY))

clean:
	rm -rf $(VENV) $(VENV)-deploy $(VENV)-package $(VENV)-monai $(VENV)-release $(DEMO) build *.egg-info

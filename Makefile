# Everything below needs only Python >= 3.11 and make. Set-up makes .venv once; delete the folder to start afresh.
PYTHON ?= python3
BIN := .venv/bin
export JUPYTER_PLATFORM_DIRS = 1

.PHONY: lab demo test setup requirements lint

lab: setup
	$(BIN)/convnets lab

demo: setup
	$(BIN)/autograder demo

# Notebooks are timed, so they run before the other tests and not beside them.
test: setup
	$(BIN)/ruff check .
	$(BIN)/autograder build --check
	$(BIN)/pytest tests/test_notebooks.py tests/test_lab_01_full.py
	$(BIN)/pytest -n 2 --dist loadfile --ignore tests/test_notebooks.py --ignore tests/test_lab_01_full.py

lint: setup
	$(BIN)/ruff check .

setup: .venv/.complete

.venv/.complete: requirements.txt pyproject.toml tools/setup.sh
	PYTHON=$(PYTHON) sh tools/setup.sh
	touch $@

# requirements.txt is compiled from pyproject.toml for all platforms. torch's CUDA builds pin their own NVIDIA packages,
# and its CPU builds need none, so those lines are left to torch.
requirements: setup
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --upgrade --no-annotate --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make requirements" pyproject.toml \
	  | grep -vE '^(nvidia-|cuda-|triton)' > requirements.new
	mv requirements.new requirements.txt

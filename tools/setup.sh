#!/bin/sh
# Make .venv with what requirements.txt pins, and the course itself in editable form.
set -eu
PYTHON=${PYTHON:-python3}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "convnets: $PYTHON is $("$PYTHON" -V 2>&1); the course needs Python 3.11 or newer. Install one, then: make PYTHON=python3.12 ..." >&2
  exit 1
}
# uv does not read pip's configuration: hand on where this machine's pip looks for packages.
setting() { "$PYTHON" -m pip config get "$1" 2>/dev/null || true; }
: "${UV_FIND_LINKS:=$(setting :env:.find-links)}"
: "${UV_FIND_LINKS:=$(setting global.find-links)}"
: "${UV_DEFAULT_INDEX:=$(setting global.index-url)}"
for name in UV_FIND_LINKS UV_DEFAULT_INDEX; do
  eval "value=\$$name"
  if [ -n "$value" ]; then export "$name"; else unset "$name"; fi
done
"$PYTHON" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
# Compiled once here: what runs in the sandbox cannot write bytecode, and would compile PyTorch at every start.
.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --requirement requirements.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .

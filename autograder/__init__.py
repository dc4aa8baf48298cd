"""The instructor's tool: build the course, grade it, report on it."""

import sys

# jsonschema, which nbformat brings, would compile a grammar of web addresses for a second in every process; no schema here holds one.
sys.modules.setdefault("rfc3987_syntax", None)

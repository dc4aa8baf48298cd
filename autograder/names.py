"""Which names a piece of Python takes from around it, and which it gives."""

from __future__ import annotations

import ast
import symtable
import warnings
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

LONGEST = 50_000
MAGIC = ("%", "!", "?")
MOST_MAGICS = 30


@lru_cache(maxsize=4096)
def names_in(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """(names that a cell takes from the notebook, names that it gives to it).

    A function's local names are neither; a name that the cell binds before it uses it is only given. Magics are read as IPython reads
    them. A cell with a syntax error never runs: it takes and gives nothing. Nor does one that nobody writes: longer than LONGEST
    characters, or with more than MOST_MAGICS magics, each of which IPython reads the whole cell for.
    """
    if len(source) > LONGEST or sum(line.lstrip().startswith(MAGIC) or line.rstrip().endswith("?") for line in source.splitlines()) > MOST_MAGICS:
        return frozenset(), frozenset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(TransformerManager().transform_cell(source))
            given: set[str] = set()
            return frozenset(taken(tree.body, given)), frozenset(given)
    except (SyntaxError, ValueError, RuntimeError, RecursionError, MemoryError):
        return frozenset(), frozenset()


def modules_in(notebook) -> set[str]:
    """The modules that a notebook's cells import at their top level."""
    found: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            statements = ast.parse(TransformerManager().transform_cell(cell.source)).body
        except SyntaxError:
            continue
        for statement in statements:
            if isinstance(statement, ast.Import):
                found |= {name.name for name in statement.names}
            elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                found |= {statement.module} | {f"{statement.module}.{name.name}" for name in statement.names}
    return found


def taken(statements: list[ast.stmt], given: set[str]) -> set[str]:
    """Names that the statements use before they are bound, in the order in which they run; adds what they bind to `given`."""
    needed = set()
    for statement in statements:
        blocks = [getattr(statement, field) for field in ("body", "orelse", "finalbody") if getattr(statement, field, None)]
        compound = isinstance(statement, (ast.If, ast.For, ast.While, ast.With, ast.Try))
        head = header(statement) if compound else [statement]
        for part in head:
            used, bound = symbols(part)
            needed |= used - given
            given |= bound
        if compound:
            for block in blocks:
                needed |= taken(block, given)
            for handler in getattr(statement, "handlers", []):
                needed |= symbols(ast.Expr(handler.type))[0] - given if handler.type else set()
                given |= {handler.name} if handler.name else set()
                needed |= taken(handler.body, given)
    return needed


def header(statement: ast.stmt) -> list[ast.stmt]:
    """What a compound statement evaluates and binds before its blocks, as simple statements."""
    if isinstance(statement, (ast.If, ast.While)):
        return [ast.Expr(statement.test)]
    if isinstance(statement, ast.For):
        return [ast.Assign([statement.target], statement.iter, lineno=1)]
    if isinstance(statement, ast.With):
        pairs = [(item.optional_vars, item.context_expr) for item in statement.items]
        return [ast.Assign([target], value, lineno=1) if target else ast.Expr(value) for target, value in pairs]
    return []


def symbols(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """(names that one statement refers to outside functions' own, names that it binds)."""
    top = symtable.symtable(ast.unparse(ast.fix_missing_locations(ast.Module([statement], []))), "cell", "exec")
    used, bound, tables = set(), set(), [top]
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        used.add(statement.target.id)
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                used.add(symbol.get_name())
            if (table is top or symbol.is_declared_global()) and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                bound.add(symbol.get_name())
    return used, bound

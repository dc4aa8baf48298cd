"""A network as a tree of boxes: modules inside modules, and where each box stands among its neighbours. Plain data, no drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convnets.widgets.architecture import row_data, shape_text

if TYPE_CHECKING:
    from convnets.arithmetic import Table

MOST_VISIBLE = 48
_POOLS = ("pool", "Pool")
_JOINS = {"cat", "stack", "add", "mul", "sub"}


def family(kind: str) -> str:
    """Return which colour a layer of this kind has: conv, linear, pool, join or other."""
    if kind.startswith(("Conv", "conv")):
        return "conv"
    if kind in ("Linear", "linear", "Bilinear", "matmul"):
        return "linear"
    if any(word in kind for word in _POOLS):
        return "pool"
    return "join" if kind in _JOINS else "other"


def tree(table: Table, kinds: dict[str, str]) -> dict:
    """Return the layers of `table` as nested boxes, grouped by module in the order in which they ran.

    A box is a dict with `id`, `name`, `kind`, `family`, `input`, `output` (texts), `size` ([channels, height, width] of the output), `parameters`,
    `multiply_adds` (None where unknown), `bytes`, `layers`, `field_text`, `formulas`, `thin` (works value by value), `unused`, and for a group
    `children`. Where it stands in its group: `rank` (from top to bottom), `column`, `wide` (alone in its rank). A group has `columns`, `lanes` and
    `wires`: [from, to, lane] between positions of children; from = −1 is the group's own input, lane −1 a direct wire, otherwise a way round the side, one
    for each origin.

    `kinds`: the class of each module by its name.
    """
    rows = list(table)
    paths = [_path(row.name) for row in rows]
    root = _group(rows, paths, kinds, range(len(rows)), 0, "")
    return root | {"id": "", "name": "", "kind": kinds.get("", "")}


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def _group(rows, paths, kinds, indices, depth, prefix):
    children, start = [], 0
    indices = list(indices)
    while start < len(indices):
        first = indices[start]
        head, end = paths[first][depth], start + 1
        nested = len(paths[first]) > depth + 1
        while nested and end < len(indices) and len(paths[indices[end]]) > depth + 1 and paths[indices[end]][depth] == head:
            end += 1
        inside = indices[start:end]
        name = f"{prefix}{head}"
        children.append((inside, _group(rows, paths, kinds, inside, depth + 1, f"{name}.") if nested else _leaf(rows[first], head), name))
        start = end
    members = [frozenset(inside) for inside, _, _ in children]
    boxes = []
    for k, (inside, box, name) in enumerate(children):
        lone = box["children"][0] if len(box.get("children", ())) == 1 else None
        label = name[len(prefix) :]
        if lone:
            box = lone | {"name": f"{label}.{lone['name']}", "id": ""}
        elif "children" in box:
            box = box | {"name": label, "kind": kinds.get(name, "group")}
        sources = frozenset(s for i in inside for s in rows[i].sources) - members[k]
        found = {next((j for j in range(k) if s in members[j]), -1) for s in sources}
        boxes.append(box | {"id": f"{prefix}{box['name']}#{inside[0]}", "sources": sorted(found)})
    return _summed(rows, indices, boxes) | _arranged(boxes)


def _size(shape):
    if not shape:
        return [1, 1, 1]
    if len(shape) < 3:
        return [shape[0], 1, shape[1] if len(shape) == 2 else 1]
    return list(shape[-3:])


def _leaf(row, label):
    same = row.input_shape == row.output_shape and row.multiply_adds == 0 and len(row.sources) == 1
    return row_data(row) | {
        "name": label, "family": family(row.kind), "size": _size(row.output_shape), "layers": 1, "unused": row.output_shape is None,
        "thin": same and family(row.kind) != "pool",
    }  # fmt: skip


def _summed(rows, indices, boxes):
    used = [box for box in boxes if not box["unused"]]
    last = (used or boxes)[-1]
    main = max(used or boxes, key=lambda box: (box["multiply_adds"] or 0, box["parameters"]))
    seen, first = [rows[i] for i in indices], rows[indices[0]]
    known = [row.multiply_adds for row in seen if row.multiply_adds is not None]
    sums = {
        "parameters": sum(row.parameters for row in seen), "multiply_adds": sum(known) if known else None, "bytes": sum(row.activation_bytes for row in seen),
    }  # fmt: skip
    names = {"parameters": "parameters", "multiply_adds": "multiply_adds", "bytes": "activation_bytes"}
    return {
        "family": main["family"], "input": shape_text(first.input_shape), "output": last["output"], "size": last["size"], "layers": len(indices), "field_text": last["field_text"],
        "thin": False, "unused": not used, "children": boxes, "formulas": {names[key]: _sum(key, boxes, total) for key, total in sums.items() if total},
    } | sums  # fmt: skip


def _sum(key, boxes, total):
    parts = [(box["name"], box[key]) for box in boxes if box[key]]
    unit = " bytes" if key == "bytes" else ""
    if len(parts) > 6:
        return f"sum of {len(parts)} parts = {total:,}{unit}"
    return " + ".join(f"{name}: {value:,}" for name, value in parts) + (f" = {total:,}{unit}" if len(parts) > 1 else unit)


def _arranged(boxes):
    """Places the boxes of one group and finds the ways of its wires; see `tree`."""
    ranks = []
    for box in boxes:
        inside = [ranks[s] for s in box["sources"] if s >= 0]
        ranks.append(max(ranks, default=-1) + 1 if box["unused"] else max(inside, default=-1) + 1)
    readers = [[k for k, box in enumerate(boxes) if i in box["sources"]] for i in range(len(boxes))]
    last = [max((ranks[k] for k in found), default=ranks[i]) for i, found in enumerate(readers)]
    columns, holders = {}, {}
    for rank in range(max(ranks) + 1):
        here = [i for i in range(len(boxes)) if ranks[i] == rank]
        passing = {column for column, i in holders.items() if last[i] > rank and not set(readers[i]) & set(here)}
        taken = set(passing)
        for i in here:
            wanted = [column for column, holder in holders.items() if holder in boxes[i]["sources"] and column not in taken]
            if wanted:
                columns[i] = min(wanted)
                taken.add(columns[i])
        for i in here:
            if i not in columns:
                columns[i] = next(column for column in range(len(boxes) + 1) if column not in taken)
                taken.add(columns[i])
        holders = {column: i for column, i in holders.items() if last[i] > rank and column in passing} | {columns[i]: i for i in here}
        for i in here:
            boxes[i] |= {"rank": rank, "column": columns[i], "wide": len(here) == 1 and not passing}
    wires = [[a, i, _free(boxes, a, i)] for i, box in enumerate(boxes) for a in box.pop("sources")]
    ends = {a: max(boxes[b]["rank"] for start, b, free in wires if start == a and not free) for a, _, free in wires if not free}
    lanes, ways = [], {}
    for a, below in sorted(ends.items(), key=lambda item: (item[1] - _rank(boxes, item[0]), item)):
        above = _rank(boxes, a)
        ways[a] = next((k for k, spans in enumerate(lanes) if all(below <= first or above >= last for first, last in spans)), len(lanes))
        lanes[ways[a] :] = lanes[ways[a] :] or [[]]
        lanes[ways[a]].append((above, below))
    wires = [[a, b, -1 if free else ways[a]] for a, b, free in wires]
    return {"columns": max(columns.values(), default=0) + 1, "lanes": len(lanes), "wires": wires}


def _rank(boxes, i):
    return -1 if i < 0 else boxes[i]["rank"]


def _free(boxes, a, b):
    """Whether a wire can go straight down from box a to box b."""
    between = [box for box in boxes if _rank(boxes, a) < box["rank"] < boxes[b]["rank"]]
    if a < 0:
        return not between
    return not any(box["wide"] or box["column"] == boxes[a]["column"] for box in between) and (not between or not boxes[a]["wide"])


def groups_of(box: dict) -> list[dict]:
    """Return the groups inside `box`, outer ones first."""
    found = [child for child in box["children"] if "children" in child]
    return found + [group for child in found for group in groups_of(child)]


def opened_at_first(root: dict) -> list[str]:
    """Return the ids of the groups to unfold: level by level, as long as no more than 48 boxes are seen."""
    level, opened, visible = [root], [], len(root["children"])
    while level := [child for box in level for child in box["children"] if "children" in child]:
        visible += sum(len(box["children"]) for box in level)
        if visible > MOST_VISIBLE:
            break
        opened += [box["id"] for box in level]
    return opened


def visible(box: dict, opened: set[str], depth: int = 0) -> list[tuple[int, dict]]:
    """Return the boxes seen when the groups in `opened` are unfolded: (depth, box), top to bottom."""
    found = []
    for child in box["children"]:
        found.append((depth, child))
        if child["id"] in opened:
            found += visible(child, opened, depth + 1)
    return found

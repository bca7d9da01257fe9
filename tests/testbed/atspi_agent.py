"""Reads and controls another program's window through the accessibility tree (AT-SPI), like a screen reader.

Run by the system's Python (python3-gi is a Debian package and in no virtual environment), in the session whose bus is
in the environment: one JSON command per line on stdin, one JSON response per line on stdout. See
:mod:`testbed.driver`.
"""

# mypy: ignore-errors
# gi has no types, and this file runs in another interpreter than the one that checks them.
from __future__ import annotations

import json
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

#: Most nodes visited in one search; the window has some hundreds.
MAX_NODES = 5000


def safe(function, default=None):
    """Call *function*; *default* if it fails, because a node may vanish between two calls."""
    try:
        return function()
    except Exception:  # GLib.Error has no common base in the stubs
        return default


def application(name):
    desktop = Atspi.get_desktop(0)
    for index in range(desktop.get_child_count()):
        child = safe(lambda i=index: desktop.get_child_at_index(i))
        if child is not None and name.lower() in (safe(child.get_name) or "").lower():
            return child
    return None


def walk(root, limit=MAX_NODES):
    """All nodes, breadth first, but not inside tables: their cells are read through the Table interface."""
    queue = [root]
    seen = 0
    while queue and seen < limit:
        node = queue.pop(0)
        seen += 1
        yield node
        if node is not root and safe(node.get_table_iface) is not None:
            continue
        for index in range(safe(node.get_child_count, 0) or 0):
            child = safe(lambda n=node, i=index: n.get_child_at_index(i))
            if child is not None:
                queue.append(child)


def showing(node):
    states = safe(node.get_state_set)
    return states is not None and states.contains(Atspi.StateType.SHOWING)


def extents(node):
    box = safe(lambda: node.get_component_iface().get_extents(Atspi.CoordType.SCREEN))
    return [box.x, box.y, box.width, box.height] if box is not None else None


def describe(node):
    states = safe(node.get_state_set)
    text = safe(node.get_text_iface)
    return {
        "name": safe(node.get_name) or "",
        "role": safe(node.get_role_name) or "",
        "description": safe(node.get_description) or "",
        "extents": extents(node),
        "text": safe(lambda: Atspi.Text.get_text(text, 0, -1)) if text is not None else None,
        "showing": states is not None and states.contains(Atspi.StateType.SHOWING),
        "enabled": states is not None and states.contains(Atspi.StateType.ENABLED),
        "focused": states is not None and states.contains(Atspi.StateType.FOCUSED),
        "checked": states is not None and states.contains(Atspi.StateType.CHECKED),
    }


def matches(node, name, roles):
    if name is not None and (safe(node.get_name) or "") != name:
        return False
    return not roles or (safe(node.get_role_name) or "") in roles


def find_all(command):
    root = application(command["app"])
    if root is None:
        return []
    roles = command.get("roles") or []
    found = []
    for node in walk(root):
        if matches(node, command.get("name"), roles) and (command.get("hidden") or showing(node)):
            found.append(node)
    return found


def find(command):
    nodes = find_all(command)
    index = command.get("index", 0)
    return nodes[index] if len(nodes) > index else None


def table_of(command):
    node = find(command)
    return (node, safe(node.get_table_iface)) if node is not None else (None, None)


def run(command):
    what = command["do"]
    if what == "app":
        return application(command["app"]) is not None
    if what == "find":
        node = find(command)
        return describe(node) if node is not None else None
    if what == "list":
        return [describe(node) for node in find_all(command)]
    if what == "press":
        node = find(command)
        action = safe(node.get_action_iface) if node is not None else None
        if action is None:
            return False
        wanted = command.get("action")
        for index in range(Atspi.Action.get_n_actions(action)):
            label = Atspi.Action.get_action_name(action, index)
            if wanted is None or label.lower() == wanted.lower():
                return bool(Atspi.Action.do_action(action, index))
        return False
    if what == "focus":
        node = find(command)
        return bool(node is not None and safe(lambda: node.get_component_iface().grab_focus()))
    if what == "type":
        node = find(command)
        if node is None:
            return False
        return bool(Atspi.EditableText.set_text_contents(node.get_editable_text_iface(), command["text"]))
    if what == "table":
        node, table = table_of(command)
        if table is None:
            return None
        rows = min(safe(lambda: Atspi.Table.get_n_rows(table), 0) or 0, command.get("rows", 200))
        columns = safe(lambda: Atspi.Table.get_n_columns(table), 0) or 0
        header = []
        for column in range(columns):
            head = safe(lambda c=column: Atspi.Table.get_column_description(table, c))
            header.append(head or "")
        cells = []
        for row in range(rows):
            line = []
            for column in range(columns):
                cell = safe(lambda r=row, c=column: Atspi.Table.get_accessible_at(table, r, c))
                line.append((safe(cell.get_name) or "") if cell is not None else "")
            cells.append(line)
        return {"header": header, "rows": cells}
    if what == "cell":
        node, table = table_of(command)
        if table is None:
            return None
        cell = safe(lambda: Atspi.Table.get_accessible_at(table, command["row"], command["column"]))
        return describe(cell) if cell is not None else None
    raise ValueError(f"unknown command {what}")


def main():
    Atspi.init()
    for line in sys.stdin:
        try:
            command = json.loads(line)
            answer = {"ok": run(command)}
        except Exception as error:  # the driver shows it in the test that asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        time.sleep(0)


if __name__ == "__main__":
    main()

"""The places of a source file that can be changed, each in a few ways. Used by tools/mutate."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


@dataclass(frozen=True, order=True)
class Change:
    """One place of *file* (bytes *start* to *end*, on *line*) and its new text."""

    file: str
    line: int
    start: int
    end: int
    new: str
    old: str
    source: str  # the line, stripped

    def __str__(self) -> str:
        old, new = (text.replace("\n", " ") for text in (self.old, self.new))
        return f"{self.file}:{self.line}  {old[:90]}  →  {new[:90]}"


class Finder(ast.NodeVisitor):
    """Collects what can be changed in one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.data = text.encode()
        self.lines = text.splitlines()
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Change] = []

    def change(self, node: ast.expr | ast.stmt, new: str | ast.AST) -> None:
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        old = self.data[start:end].decode()
        self.found.append(
            Change(self.file, node.lineno, start, end, text, old, self.lines[node.lineno - 1].strip())
        )

    # -- parts that make no difference, or that only the type checker sees

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (a name of ast.NodeVisitor)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    # -- conditions

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING" or "sys.platform" in ast.unparse(node.test):
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Assertions in the product tell the type checker what is always true."""

    def visit_match_case(self, node: ast.match_case) -> None:
        if node.guard is None or "sys.platform" not in ast.unparse(node.guard):
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._condition(test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        self.change(test, "False")
        self.change(test, "True")

    # -- expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, operator in enumerate(node.ops):
            for other in COMPARED[type(operator)]:
                turned = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                self.change(node, ast.Compare(node.left, turned, node.comparators))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self.change(node, ast.BoolOp(other, node.values))
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            self.change(node, ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.change(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        strings = any(
            isinstance(side, ast.Constant | ast.JoinedStr) and not _number(side)
            for side in (node.left, node.right)
        )
        if type(node.op) in CALCULATED and not strings:
            self.change(node, ast.BinOp(node.left, CALCULATED[type(node.op)](), node.right))
        if not _size(node):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.change(node, str(not node.value))
        elif _number(node) and not _size(node):
            self.change(node, f"({node.value!r} + 1)")
            self.change(node, f"({node.value!r} - 1)")

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called == "isinstance":
            self.visit(node.args[0])  # not the types
        elif called == "plain":
            self.visit(node.args[0])  # how much of a foreign text is repeated in a sentence
        elif called == "zip":
            for part in node.args:  # not "strict", which guards against our own mistakes
                self.visit(part)
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip them: they are words for people, and Python before 3.12 does not report their places in the source."""

    # -- statements

    def visit_Return(self, node: ast.Return) -> None:
        # Callers test the truth of the result, and None instead of False makes no difference to them.
        nothing = isinstance(node.value, ast.Constant) and (
            node.value.value is None or node.value.value is False
        )
        if node.value is not None and not nothing:
            self.change(node.value, "None")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self.change(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.change(node, "break")

    def visit_Raise(self, node: ast.Raise) -> None:
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self.change(node, "pass")

    def visit_Assign(self, node: ast.Assign) -> None:
        if ast.unparse(node.targets[0]) in ("__all__", "__slots__"):
            return
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self.change(node, "pass")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            if called.startswith(("_log.", "warnings.")):
                return  # log messages
            self.change(node, "pass")
        self.generic_visit(node)


def _number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _size(node: ast.expr) -> bool:
    """True for a chosen size, such as 64 * 1024 or 50_000: one more or less makes no difference."""
    if isinstance(node, ast.BinOp):
        chosen = isinstance(node.op, ast.Mult | ast.LShift | ast.Pow)
        return chosen and all(_number(side) or _size(side) for side in (node.left, node.right))
    return isinstance(node, ast.Constant) and _number(node) and node.value >= 10_000


def changes_below(package: Path, room: str) -> list[Change]:
    """Every change that can be made in the files of *package*/*room*, in the order of files and lines."""
    found: set[Change] = set()
    for path in sorted((package / room).rglob("*.py")):
        text = path.read_text("utf-8")
        finder = Finder(path.relative_to(package).as_posix(), text)
        finder.visit(ast.parse(text))
        found.update(finder.found)
    return sorted(found)

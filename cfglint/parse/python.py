"""A Python script's calls, attribute settings, imports and definitions; nothing of it is run."""

from __future__ import annotations

import ast

from cfglint.parse.known_modules import is_local
from cfglint.parse.python_branches import Branches
from cfglint.parse.python_expressions import CallSite
from cfglint.parse.python_members import PARSES
from cfglint.parse.python_origins import Origins
from cfglint.parse.python_scopes import Use, dotted_text
from cfglint.parse.python_text import PythonText, syntax_tree
from cfglint.parse.python_values import Values
from cfglint.parse.python_walk import Assignment, Walk
from cfglint.parse.script import Argument, Call, Definition, Script, Setting, ShellLine
from cfglint.parse.tree import Mapping, Node, Opaque, ParseError, Sequence
from cfglint.source import Source, Span

#: Calls and decorators (last part of the dotted name) that fill options from a command line or a file.
_FILLS_OPTIONS = PARSES | {
    "HfArgumentParser",
    "TrlParser",
    "ArgumentParser",
    "Fire",
    "OptionParser",
    "make_parser",
    "run_exp",
    "TuneRecipeArgumentParser",
}
_FILLS_OPTIONS_DOTTED = frozenset(
    {"click.command", "click.group", "typer.run", "typer.Typer", "hydra.main", "draccus.wrap"}
)

#: What starts a shell line in a cell's text.
_SHELL_MARKS = ("!", "%pip ", "%conda ", "%sx ")


def parse_python(source: Source) -> Script:
    """Read a Python script.

    Raises ParseError with the offset for a syntax error, and for nesting that the parser gives up on.
    """
    text = PythonText(source.text)
    return read_script(text, syntax_tree(text))


def read_script(text: PythonText, tree: ast.Module, shell_lines: tuple[ShellLine, ...] = ()) -> Script:
    """Read parsed Python text wherever it stands; raises ParseError for nesting that is too deep."""
    try:
        return _Reader(text, tree).script(shell_lines)
    except RecursionError:
        raise ParseError("nested too deeply") from None


class _Reader:
    def __init__(self, text: PythonText, tree: ast.Module) -> None:
        self._text = text
        self._walk = Walk(tree)
        self._origins = Origins(self._walk)
        self._values = Values(text, self._origins)
        self._branches = Branches(self._walk, self._values)

    def script(self, shell_lines: tuple[ShellLine, ...]) -> Script:
        calls: list[Call] = []
        lines = list(shell_lines)
        parses = False
        for site in self._walk.calls:
            call = self._call(site)
            calls.append(call)
            last = call.callee.rpartition(".")[2]
            parses = parses or last in _FILLS_OPTIONS or call.callee in _FILLS_OPTIONS_DOTTED
            if call.receiver == "get_ipython()":
                lines.extend(self._exported_lines(site.node, last))
        calls.sort(key=lambda call: call.name_span)
        lines.sort(key=lambda line: line.span)
        return Script(
            tuple(calls),
            tuple(self._setting(assignment) for assignment in self._walk.assignments),
            self._definitions(),
            self._origins.imports,
            tuple(dict.fromkeys(module for module in self._walk.modules if is_local(module))),
            tuple(lines),
            parses or self._decorated(),
        )

    def _decorated(self) -> bool:
        """``@hydra.main`` and the like may stand without a call."""
        for function, scope, _ in self._walk.functions:
            for decorator in function.decorator_list:
                use = Use(scope, (decorator.lineno, decorator.col_offset), ())
                if self._origins.dotted(decorator, use) in _FILLS_OPTIONS_DOTTED:
                    return True
        return False

    def _call(self, site: CallSite) -> Call:
        node = site.node
        use = Use(site.scope, (node.lineno, node.col_offset), site.branch)
        callee, receiver = self._origins.callee(node.func, use)
        if callee.startswith("*.") and not receiver and isinstance(node.func, ast.Attribute):
            receiver = self._text.slice(site.host or node.func.value)
        arguments: list[Argument] = []
        unread: list[Opaque] = []
        for value in node.args:
            if isinstance(value, ast.Starred):
                found = self._read(value.value, use)
                if isinstance(found, Sequence):
                    arguments.extend(Argument("", item, item.span) for item in found.items)
                else:
                    unread.append(self._unread(found, value))
            else:
                read = self._read(value, use)
                arguments.append(Argument("", read, read.span))
        for keyword in node.keywords:
            read = self._read(keyword.value, use)
            if keyword.arg is not None:
                arguments.append(Argument(keyword.arg, read, self._text.span(keyword)))
            elif not self._unpacked(read, keyword.value, use, arguments):
                unread.append(self._unread(read, keyword))
        return Call(
            callee,
            receiver,
            site.target,
            tuple(arguments),
            self._name_span(site),
            self._text.span(site.host or node),
            tuple(unread),
            site.scope.name,
            site.branch,
        )

    def _unread(self, read: Node, at: ast.AST) -> Opaque:
        """What stands for arguments that are not known, on their own text."""
        origin = read.origin if isinstance(read, Opaque) else None
        return Opaque(self._text.slice(at), self._text.span(at), "unread arguments", origin)

    def _read(self, value: ast.expr, use: Use) -> Node:
        """A value, but no default of an option that must have another value for this branch to run."""
        found = self._values.read(value, use)
        defaults = self._values.defaults
        if defaults and not defaults.isdisjoint(self._branches.replaced(use.branch)):
            return Opaque(self._text.slice(value), self._text.span(value), "its default does not lead here")
        return found

    def _name_span(self, site: CallSite) -> Span:
        """The dotted name of a callee, or the method's name alone where it is called on an expression."""
        if site.host is not None:
            return self._text.span(site.host)
        function = site.node.func
        start, end = self._text.range(function)
        if isinstance(function, ast.Attribute) and not dotted_text(function):
            start = end - len(function.attr)
        return self._text.place(start, end)

    def _unpacked(self, read: Node, value: ast.expr, use: Use, arguments: list[Argument]) -> bool:
        """Add the arguments of ``**value``; the spans stay in the dict, where a reader would change them."""
        if not isinstance(read, Mapping):
            return False
        literal = self._literal(value, use)
        if literal is not None:
            read = literal
        for entry in read.entries:
            if isinstance(entry.key.value, str):
                arguments.append(Argument(entry.key.value, entry.value, entry.span))
        return not read.open

    def _literal(self, value: ast.expr, use: Use) -> Mapping | None:
        """The dict that a name stands for, at its own place."""
        if not isinstance(value, ast.Name):
            return None
        found = self._origins.binding(value.id, use)
        if isinstance(found, str) or found.value is None or not isinstance(found.value, (ast.Dict, ast.Call)):
            return None
        read = self._values.read(found.value, Use(found.scope, found.position, found.branch))
        return read if isinstance(read, Mapping) else None

    def _setting(self, assignment: Assignment) -> Setting:
        target = assignment.target
        statement = assignment.statement
        use = Use(assignment.scope, (statement.lineno, statement.col_offset), assignment.branch)
        text = dotted_text(target) or self._text.slice(target)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            holder = dotted_text(target.value)
            if holder and isinstance(target.slice.value, str):
                text = f'{holder}["{target.slice.value}"]'
        span = self._text.span(statement)
        if isinstance(statement, (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith)):
            span = self._text.span(target)
        if assignment.value is None:
            right = getattr(statement, "value", None) or target
            reason = "changed in place" if isinstance(statement, ast.AugAssign) else "part of a value"
            value: Node = Opaque(self._text.slice(right), self._text.span(right), reason)
            return Setting(
                text, value, self._text.slice(right), span, assignment.scope.name, assignment.branch
            )
        value = self._values.read(assignment.value, use)
        written = self._text.slice(assignment.value)
        return Setting(text, value, written, span, assignment.scope.name, assignment.branch)

    def _definitions(self) -> tuple[Definition, ...]:
        found: list[Definition] = []
        for node, scope, name in self._walk.classes:
            use = Use(scope, (node.lineno, node.col_offset), ())
            bases = tuple(self._origins.callee(base, use)[0] for base in node.bases)
            found.append(Definition(name, bases, self._text.span(node)))
        found.extend(Definition(name, (), self._text.span(node)) for node, _, name in self._walk.functions)
        found.sort(key=lambda definition: definition.span)
        return tuple(found)

    def _exported_lines(self, node: ast.Call, method: str) -> list[ShellLine]:
        """The shell lines of ``get_ipython().system("pip …")`` and the like, from exported notebooks."""
        words = [arg for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if method in ("system", "getoutput", "getoutputs") and words:
            return [self._shell_line(str(words[0].value), words[0])]
        if method in ("run_line_magic", "magic") and words:
            text = " ".join(str(word.value) for word in words)
            return [self._shell_line(text, words[-1])] if text.startswith(("pip ", "conda ")) else []
        if method == "run_cell_magic" and len(words) == 3:
            return _cell_magic_lines(str(words[0].value), str(words[2].value), self._text.span(words[2]))
        return []

    def _shell_line(self, text: str, node: ast.Constant) -> ShellLine:
        """A line whose span is the text in the quotes if it stands there as it is, else the string."""
        start, end = self._text.range(node)
        inside = self._text.text.find(text, start, end)
        if inside >= 0:
            start, end = inside, inside + len(text)
        return ShellLine(text, self._text.place(start, end))


def _cell_magic_lines(magic: str, body: str, span: Span) -> list[ShellLine]:
    lines: list[ShellLine] = []
    for line in body.replace("\\\n", " ").splitlines():
        text = line.strip()
        if magic in ("bash", "sh", "shell"):
            if text and not text.startswith("#"):
                lines.append(ShellLine(text, span))
        elif text.startswith(_SHELL_MARKS):
            lines.append(ShellLine(text[1:].strip(), span))
    return lines

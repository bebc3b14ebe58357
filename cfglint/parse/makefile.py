"""A Makefile's recipes as shell commands."""

from __future__ import annotations

import re

from cfglint.parse.shell_commands import Arg, ShellReader, SimpleCommand, Variable

_ASSIGNMENT = re.compile(
    r"^(?:export[ ]+)?([A-Za-z_]\w*)[ ]*(\?|:|::|\+)?=[ \t]*((?:[^\n#\\]|\\\r?\n|\\.)*)", re.M
)
_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)")
_RECIPE = re.compile(r"^\t(?:[^\n\\]|\\\r?\n|\\.)*$", re.MULTILINE)
_MARK = re.compile(r"\t[ \t]*[@+-]+")


def makefile_commands(text: str) -> list[SimpleCommand]:
    """The commands of the recipes.

    ``$(NAME)`` stands for a variable assigned once; every recipe line is a shell of its own.
    """
    variables: dict[str, Variable] = {}
    for match in _ASSIGNMENT.finditer(text):
        name, sign = match[1], match[2]
        start, end = match.start(3), match.start(3) + len(match[3].rstrip())
        if name in variables or sign == "+":
            variables[name] = Variable((Arg(None, start, end, reason="assigned more than once", many=True),))
            continue
        value = match[3].strip()
        known = None if "$" in value else value
        reason = "" if known is not None else "a variable of make"
        arg = Arg(known, start, end, weak=sign == "?", reason=reason)
        variables[name] = Variable((arg,), inside=(start, end))
    # ``${NAME}`` is as long as ``$(NAME)``: the shell's reader takes it from here, at the same offsets.
    shell = _REFERENCE.sub(lambda match: "${" + match[1] + "}", text)
    found: list[SimpleCommand] = []
    for recipe in _RECIPE.finditer(shell):
        mark = _MARK.match(shell, recipe.start(), recipe.end())
        start = mark.end() if mark else recipe.start()
        found.extend(ShellReader(shell, variables).read(start, recipe.end()))
    return found

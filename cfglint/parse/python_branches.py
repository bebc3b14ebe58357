"""Which options' defaults do not lead into a branch: there, the command line must have said something else."""

from __future__ import annotations

import ast

from cfglint.parse.python_scopes import Branch
from cfglint.parse.python_values import Values
from cfglint.parse.python_walk import Walk
from cfglint.parse.tree import Scalar


class Branches:
    """Reads the tests of a script's branches."""

    def __init__(self, walk: Walk, values: Values) -> None:
        self._walk = walk
        self._values = values
        self._replaced: dict[int, frozenset[ast.AST]] = {}

    def replaced(self, branch: Branch) -> frozenset[ast.AST]:
        """The options one of which cannot have its default where a branch runs."""
        return frozenset().union(*map(self._by_test, branch))

    def _by_test(self, part: int) -> frozenset[ast.AST]:
        found = self._replaced.get(part)
        if found is None:
            found = frozenset()
            test = self._walk.tests.get(part)
            if test is not None:
                answer = self._values.read(test.question, test.use)
                if isinstance(answer, Scalar) and answer.weak and bool(answer.value) is not test.answer:
                    found = frozenset(self._values.defaults)
            self._replaced[part] = found
        return found

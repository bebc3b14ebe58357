"""The modules of one release, parsed on demand, and what a name in them refers to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_DEFINITION = re.compile(r"^(?:class|def)\s+(\w+)", re.MULTILINE)


class Import(NamedTuple):
    """A binding made by an import: `attribute` of `module`, or the module itself if there is no attribute."""

    module: str
    attribute: str | None


class External(NamedTuple):
    """A name from outside the release, as a dotted path (``transformers.TrainingArguments``)."""

    path: str

    @property
    def package(self) -> str:
        return self.path.partition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


Binding = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr | Import


class Module:
    """One parsed module: its dotted name and what each of its top-level names is bound to."""

    def __init__(self, name: str, package: bool, text: str) -> None:
        self.name = name
        self._package = package
        self.bindings: dict[str, Binding] = {}
        self.stars: list[str] = []
        self.tree = ast.parse(text)
        self._bind(self.tree.body, certain=True)

    def absolute(self, module: str | None, level: int) -> str:
        """Dotted name of what ``from <level dots><module>`` means here."""
        if not level:
            return module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - level + (1 if self._package else 0)]
        return ".".join([*parts, *([module] if module else [])])

    def _bind(self, body: list[ast.stmt], certain: bool) -> None:
        """Collect bindings; inside ``if``/``try`` the first one stands, as later ones are fallbacks."""
        for statement in body:
            for name, bound in self._bound(statement):
                if certain or name not in self.bindings:
                    self.bindings[name] = bound
            if isinstance(statement, ast.If):
                self._bind(statement.body, certain=False)
                self._bind(statement.orelse, certain=False)
            elif isinstance(statement, ast.Try):
                self._bind(statement.body, certain=False)
                for handler in statement.handlers:
                    self._bind(handler.body, certain=False)
                self._bind(statement.orelse, certain=False)
            elif isinstance(statement, ast.With):
                self._bind(statement.body, certain=False)

    def _bound(self, statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield statement.name, statement
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value
        ):
            yield statement.target.id, statement.value
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                yield (
                    alias.asname or alias.name.partition(".")[0],
                    Import(alias.name if alias.asname else alias.name.partition(".")[0], None),
                )
        elif isinstance(statement, ast.ImportFrom):
            module = self.absolute(statement.module, statement.level)
            for alias in statement.names:
                if alias.name == "*":
                    self.stars.append(module)
                else:
                    yield alias.asname or alias.name, Import(module, alias.name)


class Located(NamedTuple):
    """A definition or module-level value, and the module it stands in."""

    module: Module
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr


class ModuleTree:
    """All kept modules of one release.

    `files` maps paths (``trl/trainer/sft_config.py``) to source text. Modules with a syntax error that
    this Python cannot read are skipped; `broken` names them.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._paths: dict[str, str] = {}
        for path in files:
            if path.endswith(".py"):
                name = path[:-3].replace("/", ".")
                self._paths[name.removesuffix(".__init__")] = path
        self._modules: dict[str, Module | None] = {}
        self._defining: dict[str, list[str]] | None = None
        self.broken: list[str] = []

    def module(self, name: str) -> Module | None:
        """The module of that dotted name, or None if it was not kept or cannot be parsed."""
        if name not in self._modules:
            self._modules[name] = self._parse(name)
        return self._modules[name]

    def names(self) -> list[str]:
        """Dotted names of all kept modules."""
        return sorted(self._paths)

    def defining(self, name: str, below: str = "") -> list[Module]:
        """Modules with a top-level class or function `name`: the shallowest first, experimental ones last."""
        if self._defining is None:
            self._defining = {}
            for module, path in self._paths.items():
                for defined in set(_DEFINITION.findall(self._files[path])):
                    self._defining.setdefault(defined, []).append(module)
        found = [
            m
            for m in self._defining.get(name, ())
            if m == below or m.startswith(f"{below}." if below else "")
        ]
        found.sort(key=lambda m: ("experimental" in m.split("."), m.count("."), m))
        modules = [self.module(m) for m in found]
        return [module for module in modules if module is not None]

    def resolve(self, module: Module, name: str, depth: int = 0) -> Located | External | None:
        """What `name` means in `module`, following imports; None if it is bound nowhere (a builtin, say)."""
        bound = module.bindings.get(name)
        if bound is None:
            for star in module.stars:
                starred = self.module(star)
                if starred is not None and depth < 12:
                    found = self.resolve(starred, name, depth + 1)
                    if found is not None:
                        return found
            return None
        if not isinstance(bound, Import):
            return Located(module, bound)
        if bound.attribute is None or depth >= 12:
            return External(bound.module)
        return self.imported(bound.module, bound.attribute, depth)

    def imported(self, module: str, attribute: str, depth: int = 0) -> Located | External:
        """What ``from module import attribute`` gets."""
        target = self.module(module)
        if target is not None:
            found = self.resolve(target, attribute, depth + 1)
            if found is not None:
                return found
        # A package whose __init__ was not kept, or that loads its members lazily.
        for candidate in self.defining(attribute, module):
            located = candidate.bindings.get(attribute)
            if located is not None and not isinstance(located, Import):
                return Located(candidate, located)
        return External(f"{module}.{attribute}")

    def _parse(self, name: str) -> Module | None:
        path = self._paths.get(name)
        if path is None:
            return None
        try:
            return Module(name, path.endswith("__init__.py"), self._files[path])
        except SyntaxError:
            self.broken.append(path)
            return None

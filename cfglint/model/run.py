"""One training run as far as the files tell it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from cfglint.model.value import NOT_SET, Place, Value, unknown
from cfglint.parse.tree import Entry, Node
from cfglint.source import Source, Span


class Versions(Protocol):
    """The releases of one package that a run may see (``cfglint.packages.versions.VersionSet``)."""

    @property
    def package(self) -> str:
        """The canonical name."""

    @property
    def kind(self) -> str:
        """What decided: "pin", "lock", "range" and so on."""

    @property
    def requirements(self) -> tuple[Any, ...]:
        """The statements that decided, each with its place."""

    def satisfies(self, spec: str) -> bool | None:
        """True if every release satisfies a specifier, False if none does, else None."""

    def newest(self) -> Versions | None:
        """For a range: the newest release that it admits."""

    def text(self) -> str:
        """What to show."""


class StepSite(NamedTuple):
    """One place where a script takes a step."""

    place: Place
    scope: str
    branch: tuple[int, ...]


class Layout(NamedTuple):
    """How a document is written, for edits: "mapping" (YAML, JSON), "call" (Python), "command" (flags) or "values"
    (single values of a file that a script asks for by their keys).

    ``keys`` maps canonical fields to the keys as this dialect spells them; ``tree`` is the mapping (None for calls).
    ``entries`` are its own keys with their values: a mapping's, a call's named arguments, a command's flags.
    ``callee`` is the dotted name of the call, or the program with its subcommand ("trl sft"); "" for a mapping.
    """

    kind: str
    source: Source
    span: Span
    anchor: Span
    keys: dict[str, str]
    tree: Node | None = None
    entries: tuple[Entry, ...] = ()
    callee: str = ""


class Document(NamedTuple):
    """What one file, call or command says in one dialect: fields, and the namespaces it states completely.

    ``links`` maps "dialect:key" to the value that names another config. ``defaults`` are those of the call that the
    document is (rows of [condition or None, value]); None stands for the dialect's own.
    """

    dialect: str
    source: Source
    fields: dict[str, Value]
    provides: frozenset[str]
    layout: Layout
    links: dict[str, Value]
    defaults: dict[str, list[list[Any]]] | None = None


class Run:
    """A run: merged fields, the documents they came from, packages and steps.

    ``provided`` holds the namespaces that were read whole, so that a field of theirs that nobody states is Unset or
    has its dialect's default; in any other namespace it is Unknown. ``steps_known`` is True when the script was read
    whole, False when hidden calls may exist, None when there is no script. ``default_rows`` holds, for each field, rows
    of [condition or None, value]; the first whose condition holds is the default.
    """

    __slots__ = (
        "default_rows",
        "dialects",
        "documents",
        "fields",
        "packages",
        "provided",
        "sources",
        "steps",
        "steps_known",
    )

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.dialects: list[str] = []
        self.sources: list[Source] = []
        self.fields: dict[str, Value] = {}
        self.default_rows: dict[str, list[list[Any]]] = {}
        self.provided: set[str] = set()
        self.packages: dict[str, Versions] = {}
        self.steps: dict[str, list[StepSite]] = {}
        self.steps_known: bool | None = None

    def absent(self, field: str) -> Value:
        """What a field is that no file states and that has no default: Unset where all was read, else Unknown."""
        namespace = field.split(".", 1)[0]
        if namespace == "steps":
            return (
                NOT_SET if self.has_step(field.split(".")[1]) is not None else unknown("no script was read")
            )
        if namespace in self.provided:
            return NOT_SET
        return unknown(f"no file that was read states {namespace} settings completely")

    def has_step(self, step: str) -> bool | None:
        """Whether the script takes a step: None when it cannot be told."""
        sites = self.steps.get(step)
        if sites:
            return True if any(not site.branch for site in sites) or self.steps_known is not None else None
        return False if self.steps_known else None

    def step_before(self, first: str, second: str) -> bool | None:
        """Whether the first step comes before the second: None across functions and branches."""
        left, right = self.steps.get(first), self.steps.get(second)
        if not left or not right:
            return None if not self.steps_known else False
        a, b = left[0], right[0]
        if a.scope != b.scope or a.branch != b.branch or a.place.source is not b.place.source:
            return None
        return a.place.span.start < b.place.span.start

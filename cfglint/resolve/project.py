"""The files of one check: read once, parsed by kind, found by the paths that stand in other files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cfglint.parse.tree import Mapping, Node, ParseError
from cfglint.resolve.vocabulary import KEY_WORDS, Vocabulary
from cfglint.source import Source, UnreadableError, decode_source, read_source

if TYPE_CHECKING:
    from cfglint.packages.requirement import Skipped

#: How many files beside a named one are looked through for a mention of it, and up to which size (bytes).
NEIGHBOUR_LIMIT = 300
NEIGHBOUR_SIZE = 1_000_000

_LAUNCH_SUFFIXES = (".sh", ".bash", ".slurm", ".sbatch")
_CONFIG_SUFFIXES = (".yaml", ".yml", ".json", ".py", ".ipynb", *_LAUNCH_SUFFIXES)


#: What a template holds in place of values.
_PLACEHOLDER = re.compile(r"\$\{\w+\}|\{\{.*?\}\}|\{%|: [A-Z]+(_[A-Z]+)+\b")


class ParsedFile:
    """One file with what its parser made of it.

    ``kind`` is "mapping", "script", "notebook", "commands", "dependencies" or "other"; ``problem`` says why it could
    not be read or parsed, ``problem_at`` where, and ``ours`` then whether it is plainly a training or dependency file.
    """

    __slots__ = (
        "cells", "commands", "dialect", "file", "kind", "named", "ours", "problem", "problem_at", "requirements",
        "script", "skipped", "source", "tree",
    )  # fmt: skip

    def __init__(self, source: Source, file: str, kind: str) -> None:
        self.source = source
        self.file = file
        self.kind = kind
        self.named = False
        self.ours = False
        self.problem = ""
        self.problem_at = 0
        self.dialect: dict[str, Any] | None = None
        self.tree: Node | None = None
        self.script: Any = None
        self.cells: Any = None
        self.commands: tuple[Any, ...] = ()
        self.requirements: tuple[Any, ...] = ()
        self.skipped: tuple[Skipped, ...] = ()


class Project:
    """Reads and parses files below one root, each once; nothing outside the root is read unless it was named."""

    def __init__(self, vocabulary: Vocabulary, root: str, cwd: str) -> None:
        self.vocabulary = vocabulary
        self.root = root
        self.cwd = cwd
        self.files: dict[str, ParsedFile] = {}
        self._dependencies: dict[str, list[ParsedFile]] = {}

    def display(self, file: str) -> str:
        """A path as it is shown: relative to the working folder where that is shorter than leaving it twice."""
        shown = os.path.relpath(file, self.cwd)
        return (file if shown.startswith(os.path.join("..", "..", "..")) else shown).replace(os.sep, "/")

    def inside(self, file: str) -> bool:
        """Whether a path, symbolic links followed, lies below the root."""
        real, root = os.path.realpath(file), os.path.realpath(self.root)
        return real == root or real.startswith(root.rstrip(os.sep) + os.sep)

    def open(self, file: str, named: bool = False, display: str = "") -> ParsedFile:
        """Read and parse a file once."""
        file = os.path.normpath(file)
        parsed = self.files.get(file)
        if parsed is None:
            shown = display or self.display(file)
            try:
                source = read_source(file, shown)
            except UnreadableError as error:
                parsed = ParsedFile(Source(shown, "", file), file, "other")
                parsed.problem = str(error)
            else:
                parsed = self.parse(source, file, named)
            self.files[file] = parsed
        parsed.named = parsed.named or named
        return parsed

    def open_data(self, file: str) -> ParsedFile:
        """`open` for a file that a script reads: its tree is there whatever it speaks of, if it can be parsed."""
        parsed = self.open(file)
        if parsed.tree is None and parsed.kind == "mapping" and not parsed.problem:
            with suppress(ParseError, RecursionError):
                parsed.tree = _tree(parsed.source, os.path.splitext(file)[1].lower())
        return parsed

    def add_text(self, data: bytes, display: str) -> ParsedFile:
        """Standard input under the name of a file."""
        file = os.path.join(self.cwd, display)
        try:
            parsed = self.parse(decode_source(data, display, ""), file, True)
        except UnreadableError as error:
            parsed = ParsedFile(Source(display, ""), file, "other")
            parsed.problem = str(error)
        parsed.named = True
        self.files[file] = parsed
        return parsed

    def parse(self, source: Source, file: str, named: bool = False) -> ParsedFile:
        """Parse a text by its file name; of the files that nobody named only those that speak of training."""
        name = os.path.basename(file)
        suffix = os.path.splitext(name)[1].lower()
        kind = _kind(file, name, suffix)
        parsed = ParsedFile(source, file, kind)
        parsed.named = named
        try:
            _PARSERS[kind](self, parsed, suffix)
        except ParseError as error:
            parsed.problem, parsed.problem_at = error.message, error.offset
            if _PLACEHOLDER.search(source.text):
                parsed.problem = f"a template with placeholders, no config yet: {error.message}"
                return parsed
        except RecursionError:
            parsed.problem = "nested too deeply to be read"
        if parsed.problem:
            # Two different key words: one alone stands in many a file that merely speaks of training.
            parsed.ours = kind == "dependencies" or len(set(KEY_WORDS.findall(source.text))) > 1
        return parsed

    def find(self, path: str, near: str) -> str | None:
        """The file that a path in another file means; None when there is none, or two different ones.

        Tried from the root, the working folder, then each folder from the naming file's own upward to the root.
        """
        path = os.path.expanduser(path) if path.startswith("~") else path
        if os.path.isabs(path):
            return os.path.normpath(path) if os.path.isfile(path) and self.inside(path) else None
        bases = [self.root, self.cwd]
        folder = os.path.dirname(near)
        while True:
            bases.append(folder)
            parent = os.path.dirname(folder)
            if folder == self.root or parent == folder:
                break
            folder = parent
        hits = {
            os.path.realpath(os.path.join(base, path))
            for base in bases
            if os.path.isfile(os.path.join(base, path))
        }
        hits = {hit for hit in hits if self.inside(hit)}
        if len(hits) != 1:
            return None
        for base in bases:
            file = os.path.normpath(os.path.join(base, path))
            if os.path.isfile(file):
                return file
        return None

    def neighbours(self, file: str) -> Iterable[str]:
        """Config, script and launch files beside a file, one folder up, and at the root."""
        folder = os.path.dirname(file)
        folders = dict.fromkeys([folder, os.path.dirname(folder), self.root])
        count = 0
        for place in folders:
            if not self.inside(place):
                continue
            for entry in _listed(place):
                if entry != file and os.path.splitext(entry)[1].lower() in _CONFIG_SUFFIXES:
                    count += 1
                    if count > NEIGHBOUR_LIMIT:
                        return
                    yield entry

    def below(self, folder: str) -> Iterable[str]:
        """Config, script and launch files in a folder and one level below it."""
        count = 0
        for place in [folder, *(entry for entry in _listed(folder, folders=True))]:
            for entry in _listed(place):
                if os.path.splitext(entry)[1].lower() in _CONFIG_SUFFIXES:
                    count += 1
                    if count > NEIGHBOUR_LIMIT:
                        return
                    yield entry

    def dependency_files(self, file: str) -> list[ParsedFile]:
        """The dependency files that speak for a file: those of the nearest folder upward that has any."""
        folder = os.path.dirname(file)
        while True:
            found = self._dependencies.get(folder)
            if found is None:
                listed = [self.open(entry) for entry in _listed(folder) if _may_be_dependency(entry)]
                found = self._dependencies[folder] = _preferred(
                    [parsed for parsed in listed if parsed.requirements]
                )
            if found:
                return found
            parent = os.path.dirname(folder)
            if folder == self.root or parent == folder:
                return []
            folder = parent


def _listed(folder: str, folders: bool = False) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.path
                for entry in entries
                if (
                    entry.is_dir(follow_symlinks=False) and entry.name[:1] != "."
                    if folders
                    else entry.is_file()
                )
            )
    except OSError:
        return []


def _preferred(files: list[ParsedFile]) -> list[ParsedFile]:
    """Where a plain requirements.txt stands, its variants (dev, docs, test, other platforms) say nothing about the run."""
    names = {os.path.basename(parsed.file) for parsed in files}
    variants = [name for name in names if name.endswith(".txt") and name != "requirements.txt"]
    if "requirements.txt" in names or len(variants) > 1:
        files = [parsed for parsed in files if os.path.basename(parsed.file) not in variants]
    return files


def _may_be_dependency(file: str) -> bool:
    name = os.path.basename(file)
    return (
        name.endswith((".txt", ".in", ".toml", ".lock", ".yml", ".yaml")) or "file" in name
    ) and _is_dependency(file)


def _is_dependency(file: str) -> bool:
    from cfglint.packages.sources import is_dependency_file

    return is_dependency_file(file)


def _kind(file: str, name: str, suffix: str) -> str:
    lower = name.lower()
    if suffix in (".txt", ".in", ".toml", ".lock", "") or any(
        word in lower for word in ("environment", "conda", "file")
    ):
        if _is_dependency(file):
            return "dependencies"
    if suffix in (".yaml", ".yml", ".json"):
        return "mapping"
    if suffix == ".py":
        return "script"
    if suffix == ".ipynb":
        return "notebook"
    if suffix in _LAUNCH_SUFFIXES or name == "Makefile":
        return "commands"
    return "other"


def _parse_mapping(project: Project, parsed: ParsedFile, suffix: str) -> None:
    if not parsed.named and not KEY_WORDS.search(parsed.source.text):
        return
    parsed.tree = tree = _tree(parsed.source, suffix)
    if isinstance(tree, Mapping):
        dialect = project.vocabulary.detect(tree)
        if dialect is not None and not dialect["foreign"]:
            parsed.dialect = dialect
            if suffix != ".json" and not dialect["satellite"]:
                _parse_usage(parsed)


def _tree(source: Source, suffix: str) -> Node | None:
    if suffix == ".json":
        from cfglint.parse.json import parse_json

        return parse_json(source)
    from cfglint.parse.yaml import parse_yaml

    return parse_yaml(source)


def _parse_script(project: Project, parsed: ParsedFile, suffix: str) -> None:
    from cfglint.parse.python import parse_python

    if _speaks_of_training(parsed.source.text):
        parsed.script = parse_python(parsed.source)
        _parse_usage(parsed)


def _parse_usage(parsed: ParsedFile) -> None:
    """The launch commands that the file's own comments give for it."""
    if os.path.basename(parsed.file) in parsed.source.text:
        from cfglint.parse.usage import usage_commands

        parsed.commands = usage_commands(parsed.source, parsed.file)


def _parse_notebook(project: Project, parsed: ParsedFile, suffix: str) -> None:
    from cfglint.parse.notebook import parse_notebook

    if _speaks_of_training(parsed.source.text):
        parsed.script, parsed.cells = parse_notebook(parsed.source)


def _parse_commands(project: Project, parsed: ParsedFile, suffix: str) -> None:
    from cfglint.parse.command import parse_commands

    parsed.commands = parse_commands(parsed.source)


def _parse_dependencies(project: Project, parsed: ParsedFile, suffix: str) -> None:
    from cfglint.packages.requirement import Requirement
    from cfglint.packages.sources import read_dependency_file
    from cfglint.resolve.requirements import include_from

    entries = read_dependency_file(parsed.source, include_from(project, parsed.file))
    parsed.requirements = tuple(entry for entry in entries if isinstance(entry, Requirement))
    parsed.skipped = tuple(entry for entry in entries if not isinstance(entry, Requirement))


def _speaks_of_training(text: str) -> bool:
    """Whether a Python text speaks of a training library at all."""
    return any(
        word in text
        for word in ("transformers", "peft", "trl", "unsloth", "accelerate", "bitsandbytes", "deepspeed")
    )


_PARSERS: dict[str, Callable[[Project, ParsedFile, str], None]] = {
    "mapping": _parse_mapping,
    "script": _parse_script,
    "notebook": _parse_notebook,
    "commands": _parse_commands,
    "dependencies": _parse_dependencies,
    "other": lambda project, parsed, suffix: None,
}

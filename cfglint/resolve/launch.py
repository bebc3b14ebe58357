"""What a launch command says: its flags as fields, the script and configs that it starts."""

from __future__ import annotations

import os
from typing import Any

from cfglint.model.run import Document, Layout
from cfglint.model.value import KNOWN, Place, Value
from cfglint.parse.command import Command, Flag
from cfglint.parse.tree import Entry, Scalar
from cfglint.resolve.project import ParsedFile, Project
from cfglint.resolve.read import FieldReader
from cfglint.resolve.vocabulary import KeyMap, Vocabulary
from cfglint.source import Source

#: At least so many flags of a script that is not there must be names of training arguments before they are read as such.
_FLAGS_NEEDED = 3
#: Commands that start torchrun themselves (llamafactory/launcher.py, swift/cli/main.py).
_STARTING = ("llamafactory-cli", "swift")
_CONFIG = (".yaml", ".yml", ".json")


def launched_files(project: Project, command: Command, near: str) -> list[ParsedFile]:
    """The scripts and configs inside the project that a command names, in its order."""
    names: list[str] = []
    if command.target is not None:
        names.append(_path(command.target, command))
    names += [str(argument.value) for argument in command.arguments if isinstance(argument.value, str)]
    for flag in (*command.launcher_flags, *command.flags):
        if (
            isinstance(flag.value, Scalar)
            and isinstance(flag.value.value, str)
            and flag.value.value.endswith(_CONFIG)
        ):
            names.append(flag.value.value)
    found: list[ParsedFile] = []
    for name in names:
        # A file's own usage line may give its path from a folder that is not here.
        own = os.path.basename(name) == os.path.basename(near)
        file = near if own else project.find(name, near) if name.endswith((*_CONFIG, ".py")) else None
        if file is not None:
            parsed = project.open(file)
            if parsed not in found:
                found.append(parsed)
    return found


def _path(target: Scalar, command: Command) -> str:
    """A script's path; a module after -m is a path with dots."""
    text = str(target.value)
    return text if text.endswith(".py") or os.sep in text else text.replace(".", "/") + ".py"


def command_documents(vocabulary: Vocabulary, command: Command, source: Source) -> list[Document]:
    """The documents that a command's own flags make: what it launches with, and what it trains with."""
    documents = []
    launch = _launch(vocabulary, command, source)
    if launch is not None:
        documents.append(launch)
    training = _training(vocabulary, command, source)
    if training is not None:
        documents.append(training)
    return documents


def _program(vocabulary: Vocabulary, launcher: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    for dialect in vocabulary.dialects.values():
        for program in dialect["programs"]:
            if program["launcher"] == launcher:
                return dialect, program
    return None


def _launch(vocabulary: Vocabulary, command: Command, source: Source) -> Document | None:
    found = _program(vocabulary, command.launcher)
    if found is None or not found[1]["flags"]:
        fields: dict[str, Value] = {}
    else:
        reader = FieldReader(vocabulary, source, KeyMap(found[1]["flags"], [], "accelerate", {}), "argv")
        for flag in command.launcher_flags:
            _read_flag(reader, flag)
        fields = reader.fields
    if "launch.num_processes" not in fields:
        fields.update(_processes(command, source))
    if command.launcher:
        fields["launch.launcher"] = Value(
            KNOWN, command.launcher, Place(source, command.name_span), "command"
        )
    layout = Layout("command", source, command.span, command.name_span, {})
    return Document("accelerate", source, fields, frozenset(), layout, {}, {})


def _processes(command: Command, source: Source) -> dict[str, Value]:
    """How many processes and GPUs a command without a flag for it uses, from the variables before it."""
    fields: dict[str, Value] = {}
    visible, each = command.environment.get("CUDA_VISIBLE_DEVICES"), command.environment.get("NPROC_PER_NODE")
    if command.launcher in _STARTING and each is not None and str(each.value).isdigit():
        fields["launch.num_processes"] = _counted(int(str(each.value)), each, source)
    elif visible is not None and isinstance(visible.value, str):
        gpus = len([gpu for gpu in visible.value.split(",") if gpu.strip()])
        if command.launcher in ("python", "trl"):
            fields["launch.visible_gpus"] = _counted(gpus, visible, source)
        if (gpus <= 1 and command.launcher in ("python", "trl")) or command.launcher == "llamafactory-cli":
            fields["launch.num_processes"] = _counted(max(gpus, 1), visible, source)
    return fields


def _counted(number: int, variable: Scalar, source: Source) -> Value:
    return Value(KNOWN, number, Place(source, variable.span), "command", variable.raw)


def _training(vocabulary: Vocabulary, command: Command, source: Source) -> Document | None:
    found = _program(vocabulary, command.launcher)
    dialect = None
    sets: dict[str, Any] = {}
    if found is not None and found[1]["subcommands"]:
        dialect, program = found
        if command.subcommand not in program["subcommands"]:
            return None
        sets = program["subcommands"][command.subcommand]
        if not command.flags:
            return None
    else:
        names = {flag.name.replace("-", "_") for flag in command.flags}
        dialect = vocabulary.detect_flags(names)
        if dialect is None and sum(f"training.{name}" in vocabulary.types for name in names) >= _FLAGS_NEEDED:
            dialect = vocabulary.dialects["transformers"]
    if dialect is None:
        return None
    keys = vocabulary.key_map(dialect)
    reader = FieldReader(vocabulary, source, keys, "argv")
    for flag in command.flags:
        _read_flag(reader, flag)
    for field, value in sets.items():
        reader.fields.setdefault(field, Value(KNOWN, value, Place(source, command.name_span), "command"))
    config = any(
        isinstance(argument.value, str) and argument.value.endswith(_CONFIG) for argument in command.arguments
    )
    provides = frozenset() if command.open or config else frozenset(dialect["provides"])
    links = {
        target + ":" + key: reader.value("", key, *reader.nodes[key])
        for key, target in dialect["links"].items()
        if key in reader.nodes
    }
    spelled = dict(keys.reverse)
    spelled.update({field: value.key for field, value in reader.fields.items() if value.key})
    started = f"{command.launcher} {command.subcommand}".strip()
    layout = Layout(
        "command", source, command.span, command.name_span, spelled, None, _entries(command), started
    )
    return Document(dialect["name"], source, reader.fields, provides, layout, links)


def _entries(command: Command) -> tuple[Entry, ...]:
    """The flags of a command as entries; a bare one is True."""
    return tuple(
        Entry(
            Scalar(flag.name.replace("-", "_"), flag.name, flag.span),
            flag.value or Scalar(True, "", flag.span),
        )
        for flag in command.flags
    )


def _read_flag(reader: FieldReader, flag: Flag) -> None:
    name = flag.name.replace("-", "_")
    if flag.value is None:
        negated = name.startswith("no_") and f"training.{name[3:]}" in reader.vocabulary.types
        reader.entry(name[3:] if negated else name, Scalar(not negated, flag.name, flag.span), flag.span)
    else:
        reader.entry(name, flag.value, flag.span)

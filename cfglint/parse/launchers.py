"""How launchers of training and installers are called: which words are theirs, which the program's."""

from __future__ import annotations

import re
from typing import NamedTuple

from cfglint.parse.launcher_words import (
    INSTALL_BARE,
    MODULE_SUBCOMMAND,
    MODULES,
    PROGRAMS,
    PYTHON_VALUED,
    SCRIPT_LAUNCHERS,
    VARIABLE,
    WRAPPERS,
)
from cfglint.parse.shell_commands import Arg, ShellReader, SimpleCommand

_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)(?:\d+(?:\.\d+)*)?")


#: Commands of one line, and wrappers around one command, that are worth following.
_GROUPS = 16


class Launch(NamedTuple):
    """The words of one launch by their roles; ``bare`` flags take no value (None: not known)."""

    launcher: str
    launcher_args: tuple[Arg, ...]
    subcommand: str
    target: Arg | None
    args: tuple[Arg, ...]
    launcher_bare: frozenset[str] | None
    bare: frozenset[str] | None
    #: First and past-the-end code point of the launcher's own name.
    name: tuple[int, int]
    module: bool = False
    #: ``NAME=value`` words of ``env``.
    environment: tuple[Arg, ...] = ()


def find_launches(command: SimpleCommand, text: str) -> list[Launch]:
    """The launches in one simple command; a job submission may hold some behind ``--`` and ``&&``."""
    found: list[Launch] = []
    groups: list[list[Arg]] = [[]]
    for arg in command.args:
        if arg.value in ("--", "&&", ";") and len(groups) < _GROUPS:
            groups.append([])
        else:
            groups[-1].append(arg)
    for number, group in reversed(list(enumerate(groups))):
        # What follows ``--`` belongs to the launch before it unless it is one itself.
        whole = group if found else [arg for part in groups[number:] for arg in part]
        launch = _launch(whole, text)
        if launch is not None:
            found.insert(0, launch)
    return found


def _launch(whole: list[Arg], text: str) -> Launch | None:
    args = _unwrapped(whole, text)
    if not args:
        return None
    launch = _recognised(args)
    before = whole[: len(whole) - len(args)]
    if launch is None or not any(arg.value == "env" for arg in before):
        return launch
    return launch._replace(environment=tuple(arg for arg in before if VARIABLE.match(arg.value or "")))


def _recognised(args: list[Arg]) -> Launch | None:
    first = args[0]
    name = (first.value or "").rpartition("/")[2]
    place = (first.start, first.end)
    if _PYTHON.fullmatch(first.value or "") or (first.value is None and _is_script(args[1:2])):
        return _python(args, place)
    if name == "accelerate" and len(args) > 1 and args[1].value == "launch":
        return _script_launch("accelerate launch", args[2:], (first.start, args[1].end))
    if name == "colossalai" and len(args) > 1 and args[1].value == "run":
        return _script_launch("colossalai run", args[2:], (first.start, args[1].end))
    if name in ("torchrun", "deepspeed", "composer"):
        return _script_launch(name, args[1:], place)
    if name == "tune":
        return _tune(args, place)
    if name in PROGRAMS:
        return _program(PROGRAMS[name], args[1:], place)
    if name in ("pip", "pip3", "uv", "conda", "mamba", "micromamba") or re.fullmatch(r"pip3\.\d+", name):
        return _install("pip" if name.startswith("pip") else name, args[1:], place)
    if name.endswith(".py") and not any(char.isspace() for char in name):
        return Launch("python", (), "", first, tuple(args[1:]), None, None, place)
    return None


def _unwrapped(args: list[Arg], text: str) -> list[Arg]:
    """The command behind ``env``, ``srun``, ``uv run`` and the like, whatever options those have."""
    for _ in range(_GROUPS):
        if not args:
            break
        name = (args[0].value or "").rpartition("/")[2]
        if name not in WRAPPERS or (_is_install(args) and not _runs(args)):
            return args
        if name in ("bash", "sh", "eval"):
            return _inner_shell(args, text)
        rest = args[1:]
        at = next((index for index, arg in enumerate(rest) if _starts(arg, rest, index)), None)
        if at is None:
            return []
        args = rest[at:]
    return args


def _runs(args: list[Arg]) -> bool:
    return any(arg.value in ("run", "tool", "submit", "exec", "x") for arg in args[1:3])


def _is_install(args: list[Arg]) -> bool:
    name = (args[0].value or "").rpartition("/")[2]
    return name in ("uv", "conda", "mamba", "micromamba")


def _inner_shell(args: list[Arg], text: str) -> list[Arg]:
    """The first command of ``bash -c "…"`` or ``eval …``."""
    if args[0].value == "eval" and len(args) > 1 and not (len(args) == 2 and args[1].quoted):
        return args[1:]
    for arg in args[1:]:
        if arg.value is not None and arg.quoted and text[arg.start : arg.start + 1] in ("'", '"'):
            for command in ShellReader(text).read(arg.start + 1, arg.end - 1):
                found = _unwrapped(list(command.args), text)
                if found and (_starts(found[0], found, 0) or (found[0].value or "").endswith(".py")):
                    return found
    return []


def _starts(arg: Arg, args: list[Arg], index: int) -> bool:
    """Whether a word is the name of a launcher or of another wrapper, or a script that is run by itself."""
    if arg.value is None:
        return False
    name = arg.value.rpartition("/")[2]
    if (
        _PYTHON.fullmatch(arg.value)
        or name in PROGRAMS
        or name in ("torchrun", "deepspeed", "tune", "pip", "composer")
    ):
        return True
    if name == "accelerate":
        return any(following.value == "launch" for following in args[index + 1 : index + 2])
    return name in ("bash", "env", "nohup", "srun", "uv") or (
        name.endswith(".py") and not name.startswith("-")
    )


def _is_script(args: list[Arg]) -> bool:
    return bool(args) and (args[0].value or "").endswith(".py")


def _python(args: list[Arg], place: tuple[int, int]) -> Launch | None:
    at = 1
    while at < len(args):
        value = args[at].value
        if value in ("-m", "-um", "-Om"):
            return _module(args[at + 1 :], (place[0], args[at].end)) if at + 1 < len(args) else None
        if value == "-c" or value == "-":
            return None
        if value is None or not value.startswith("-"):
            break
        at += 2 if value in PYTHON_VALUED else 1
    if at >= len(args):
        return None
    target = args[at]
    if target.value is None and target.many and not target.reason.startswith("environment"):
        return None
    return Launch("python", tuple(args[1:at]), "", target, tuple(args[at + 1 :]), frozenset(), None, place)


def _module(args: list[Arg], place: tuple[int, int]) -> Launch | None:
    module = args[0]
    launcher = MODULES.get(module.value or "")
    whole = (place[0], module.end)
    if launcher in SCRIPT_LAUNCHERS:
        return _script_launch(launcher, args[1:], whole)
    if launcher == "accelerate":
        return (
            _script_launch("accelerate launch", args[2:], whole)
            if args[1:2] and args[1].value == "launch"
            else None
        )
    if launcher in ("pip", "uv"):
        return _install(launcher, args[1:], whole)
    if launcher is not None:
        return _program(launcher, args[1:], whole)
    program = MODULE_SUBCOMMAND.fullmatch(module.value or "")
    if program is not None:
        name = "megatron" if program[2] else program[1]
        return Launch(name, (), program[3], None, tuple(args[1:]), None, None, whole)
    return Launch("python", (), "", module, tuple(args[1:]), None, None, place, True)


def _script_launch(launcher: str, args: list[Arg], place: tuple[int, int]) -> Launch:
    """Split a launcher's flags from the script it starts and the script's own arguments."""
    bare = SCRIPT_LAUNCHERS[launcher]
    at = 0
    module = False
    while at < len(args):
        value = args[at].value
        if value is None:
            if not args[at].many:
                break
        elif value == "--":
            at += 1
            break
        elif value.startswith("-") and len(value) > 1:
            name = value.lstrip("-")
            module = module or name in ("m", "module")
            if name not in bare and "=" not in value:
                at += 1
        else:
            break
        at += 1
    at = min(at, len(args))
    target = args[at] if at < len(args) else None
    return Launch(launcher, tuple(args[:at]), "", target, tuple(args[at + 1 :]), bare, None, place, module)


def _tune(args: list[Arg], place: tuple[int, int]) -> Launch | None:
    """``tune run`` takes torchrun's flags, then a recipe, then the recipe's."""
    if len(args) < 2 or args[1].value is None:
        return None
    if args[1].value != "run":
        return Launch("tune", (), args[1].value, None, tuple(args[2:]), None, None, place)
    launch = _script_launch("torchrun", args[2:], place)
    return launch._replace(launcher="tune", subcommand="run", module=False)


def _program(name: str, args: list[Arg], place: tuple[int, int]) -> Launch:
    subcommand = ""
    if args and args[0].value and not args[0].value.startswith("-"):
        subcommand = args[0].value
        args = args[1:]
    return Launch(name, (), subcommand, None, tuple(args), None, None, place)


def _install(name: str, args: list[Arg], place: tuple[int, int]) -> Launch | None:
    """Installations: every flag that is not known to be bare takes one value."""
    words = [arg.value or "" for arg in args[:3]]
    if name == "uv" and words[:2] == ["pip", "install"]:
        return _installation("uv pip", "install", args[2:], (place[0], args[0].end))
    if name == "uv" and words[:1] in (["add"], ["sync"]):
        return _installation("uv", words[0], args[1:], place)
    for index, word in enumerate(words):
        if word in ("install", "env") and name != "uv":
            return _installation(name, word, [*args[:index], *args[index + 1 :]], place)
    return None


def _installation(launcher: str, subcommand: str, args: list[Arg], place: tuple[int, int]) -> Launch:
    # Whatever is not known to be bare takes one value.
    names = {arg.value.lstrip("-") for arg in args if arg.value and arg.value.startswith("-")}
    bare = frozenset(name for name in names if name in INSTALL_BARE or name.startswith("no-"))
    return Launch(launcher, (), subcommand, None, tuple(args), None, bare, place)

"""Launch commands in a file's own comments: ``# accelerate launch --config_file fsdp.yaml train.py``."""

from __future__ import annotations

import os
import re

from cfglint.parse.command import Command, parse_commands
from cfglint.source import Source

#: A launcher at the start of a comment or docstring line, behind variables and a prompt.
_LAUNCH = re.compile(
    r"^[ \t]*(?:#+[ \t]*|[\"']{3}[ \t]*)?(?:\$[ \t]+)?(?=(?:[A-Z_]+=\S+[ \t]+)*"
    r"(?:accelerate[ \t]+launch|torchrun|deepspeed|axolotl|llamafactory-cli|swift|trl)[ \t])",
    re.MULTILINE,
)
_MARK = re.compile(r"^([ \t]*)(#+)")


def usage_commands(source: Source, file: str) -> tuple[Command, ...]:
    """The launch commands in comments and docstrings of a file that name it: how it is to be started."""
    text, name = source.text, os.path.basename(file)
    if name not in text:
        return ()
    found: list[Command] = []
    for match in _LAUNCH.finditer(text):
        lines: list[str] = []
        at = match.end()
        while True:
            end = text.find("\n", at)
            line = text[at : end if end >= 0 else len(text)]
            # A comment mark at the start of a continued line is no part of the command; the length must stay.
            lines.append(_MARK.sub(lambda mark: mark[1] + " " * len(mark[2]), line) if lines else line)
            if end < 0 or not line.rstrip().endswith("\\"):
                break
            at = end + 1
        command = "\n".join(lines)
        closing = re.search(r"[\"']{3}|`", command)
        command = command[: closing.start()] if closing else command
        if name in command:
            found += parse_commands(source, command, match.end())
    return tuple(found)

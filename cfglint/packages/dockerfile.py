"""The install commands of a Dockerfile's RUN instructions.

What the base image holds is not known; each one is named as Skipped.
"""

from __future__ import annotations

import json
import re
import shlex

from cfglint.packages.install_lines import read_install_lines
from cfglint.packages.requirement import OpenFile, Requirement, Skipped, skipped_at
from cfglint.source import Source, Span

_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)?([A-Za-z]+)(?=\s|$)[ \t]*", re.IGNORECASE)
_FLAGS = re.compile(r"(?:--[a-z]+=\S*[ \t]+)*")
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)([A-Za-z0-9_]+)\1")
_STAGE = re.compile(r"(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


def read_dockerfile(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """The requirements that a Dockerfile installs, and its base images as Skipped."""
    found: list[Requirement | Skipped] = []
    stages: set[str] = set()
    at = 0
    while at < len(source.text):
        start, text, at = _logical_line(source.text, at)
        match = _INSTRUCTION.match(text)
        if match is None:
            continue
        name = match[1].upper()
        heredocs = (
            [found_doc[2] for found_doc in _HEREDOC.finditer(text)] if name in ("RUN", "COPY", "ADD") else []
        )
        body_start = at
        for delimiter in heredocs:
            end = re.compile(rf"^\t*{delimiter}[ \t\r]*$", re.MULTILINE).search(source.text, at)
            at = end.end() if end else len(source.text)
        if name == "FROM":
            found += _base(source, start, text[match.end() :], stages)
        elif name == "RUN":
            flags = _FLAGS.match(text, match.end())
            offset = flags.end() if flags else match.end()
            found += _run(source, start + offset, text[offset:], include)
            if heredocs:
                body = Span(body_start, at)
                found += read_install_lines(source, source.slice(body), body, include)
    return found


def _logical_line(text: str, at: int) -> tuple[int, str, int]:
    """An instruction with its continuation lines: start, text of the same length, offset of what follows.

    Comment lines and empty lines inside it are dropped by Docker; here they become blanks that continue the
    line.
    """
    start = at
    parts: list[str] = []
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end + 1
        line = text[at:end]
        at = end
        body = line.strip()
        if parts and (not body or body.startswith("#")):
            parts.append(" " * len(line))
            continue
        if not parts and body.startswith("#"):
            return start, "", at
        if not body.endswith("\\"):
            parts.append(line)
            break
        cut = line.rindex("\\")
        parts.append(line[:cut] + " " * (len(line) - cut))
    return start, "".join(parts), at


def _run(source: Source, start: int, text: str, include: OpenFile | None) -> list[Requirement | Skipped]:
    span = Span(start, start + len(text))
    if text.lstrip().startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list):
            return read_install_lines(source, shlex.join(map(str, words)), span, include)
    return read_install_lines(source, text, span, include)


def _base(source: Source, start: int, text: str, stages: set[str]) -> list[Skipped]:
    stage = _STAGE.match(text.strip())
    if stage is None:
        return []
    image = stage[1]
    known = image.lower() in stages or image == "scratch"
    if stage[2]:
        stages.add(stage[2].lower())
    return (
        [] if known else [skipped_at(source, start, "the packages of this base image are not known", image)]
    )

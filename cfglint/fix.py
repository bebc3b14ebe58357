"""Fixes: edits on spans that leave every other byte, checked by linting again, written atomically."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from cfglint.model.finding import Edit, Finding
from cfglint.source import Source

#: A fix may make another one possible; more rounds than this mean that two fixes undo each other.
ROUNDS = 10

#: The rule that reports a text that cannot be parsed; a fix that makes it fire is taken back.
_UNREADABLE = "unreadable-file"


class FixError(Exception):
    """A fix cannot be applied or written; ``reason`` says why, for the user."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Selection(NamedTuple):
    """The edits of one round by the file that they change, and the findings that they stand for."""

    edits: dict[str, tuple[Source, list[Edit]]]
    findings: list[Finding]


class Change(NamedTuple):
    """One file before and after its fixes."""

    before: Source
    after: Source


class Outcome(NamedTuple):
    """What fixing came to.

    ``fixed`` are the findings whose edits were applied, ``findings`` those that remain after the last round.
    ``refused`` tells for a path why its fixes were not applied; ``converged`` is False when fixes are left:
    they undo each other, change nothing, or need more rounds.
    """

    changes: tuple[Change, ...]
    fixed: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    refused: dict[str, str]
    converged: bool


def select(
    findings: Iterable[Finding], unsafe: bool = False, refused: Mapping[str, str] | None = None
) -> Selection:
    """The edits to apply together: a fix whole or not at all, and where two overlap the first finding's.

    ``unsafe`` takes the fixes with safety "unsafe" too; files whose path is in ``refused`` are left alone.
    """
    chosen = Selection({}, [])
    for finding in findings:
        fix = finding.fix
        if fix is None or not fix.edits or (fix.safety != "safe" and not unsafe):
            continue
        if refused and any(edit.source.path in refused for edit in fix.edits):
            continue
        taken = {key: edits for key, (_, edits) in chosen.edits.items()}
        new = [edit for edit in fix.edits if not _repeats(edit, taken.get(_key(edit.source), []))]
        if any(_collides(edit, other) for edit in new for other in taken.get(_key(edit.source), [])):
            continue
        for edit in new:
            chosen.edits.setdefault(_key(edit.source), (edit.source, []))[1].append(edit)
        chosen.findings.append(finding)
    return chosen


def apply(source: Source, edits: Iterable[Edit], escape_json: bool = False) -> str:
    """The source's text with its edits made; insertions at one place keep their order.

    ``escape_json`` writes the new text as the inside of a JSON string, for the cells of a notebook. Line ends
    of new text follow the file's. Raises FixError when edits overlap, or when a notebook's text is JSON no
    more.
    """
    newline = _line_end(source.text)
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        if not at <= edit.span.start <= edit.span.end <= len(source.text):
            raise FixError(source.path, "its edits overlap or lie outside the file")
        parts.append(source.text[at : edit.span.start])
        parts.append(
            _json_inside(edit.text) if escape_json else edit.text.replace("\r\n", "\n").replace("\n", newline)
        )
        at = edit.span.end
    text = "".join([*parts, source.text[at:]])
    if escape_json:
        _check_json(source.path, text)
    return text


def converge(
    findings: Sequence[Finding],
    relint: Callable[[Mapping[str, Source]], Sequence[Finding]],
    unsafe: bool = False,
) -> Outcome:
    """Apply fixes and lint again until no fix is left; nothing is written.

    ``relint`` lints the same inputs with the sources given (by absolute path, or displayed path where a
    source has none) in place of what the disk holds.
    """
    before: dict[str, Source] = {}
    now: dict[str, Source] = {}
    fixed: list[Finding] = []
    refused: dict[str, str] = {}
    seen: set[tuple[tuple[str, str], ...]] = set()
    for _ in range(ROUNDS):
        chosen = select(findings, unsafe, refused)
        try:
            changed = _changed(chosen)
        except FixError as error:
            refused[error.path] = error.reason
            continue
        after = {**now, **changed}
        state = tuple(sorted((key, source.text) for key, source in after.items()))
        if not changed or state in seen:
            break
        seen.add(state)
        result = relint(after)
        unreadable = {finding.location.source.path for finding in result if finding.rule == _UNREADABLE}
        broken = unreadable.intersection(source.path for source in changed.values())
        if broken:
            refused.update(dict.fromkeys(broken, "its fix would leave a file that cannot be parsed"))
            continue
        for key in changed:
            before.setdefault(key, chosen.edits[key][0])
        now, findings = after, result
        fixed += chosen.findings
    changes = tuple(Change(before[key], now[key]) for key in sorted(now) if before[key].text != now[key].text)
    converged = not select(findings, unsafe, refused).findings
    return Outcome(changes, tuple(fixed), tuple(findings), refused, converged)


def diff(source: Source, new_text: str) -> str:
    """The change as a unified diff that ``git apply`` and ``patch`` take; "" when there is none.

    Line ends are kept as they are, and so is a missing one at the end of the file.
    """
    from difflib import unified_diff

    mark = "\ufeff" if source.bom else ""
    path = source.path.lstrip("/")
    lines = unified_diff(_lines(mark + source.text), _lines(mark + new_text), f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def write(source: Source, new_text: str) -> None:
    """Replace the file in one step, with its mode, its byte-order mark, and a symbolic link to it kept.

    Raises FixError when the file changed since it was read, is read-only or cannot be replaced; it is then as
    it was.
    """
    if not source.file:
        raise FixError(source.path, "is not a file")
    import tempfile

    target = os.path.realpath(source.file)
    mark = b"\xef\xbb\xbf" if source.bom else b""
    temporary = ""
    try:
        with open(target, "rb") as handle:
            if handle.read() != mark + source.text.encode("utf-8"):
                raise FixError(source.path, "changed on disk since it was read; nothing was written")
        if not os.access(target, os.W_OK):
            raise FixError(source.path, "is read-only")
        status = os.stat(target)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".cfglint-")
        with open(descriptor, "wb") as handle:
            handle.write(mark + new_text.encode("utf-8"))
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, status.st_mode & 0o7777)
        os.replace(temporary, target)
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the new text is not valid Unicode"
        raise FixError(source.path, f"cannot be written: {reason}") from error
    finally:
        if temporary:
            with suppress(OSError):  # gone when it took the file's place
                os.unlink(temporary)


def _changed(chosen: Selection) -> dict[str, Source]:
    """The sources after one round of edits, by key; only those whose text changes."""
    changed = {}
    for key, (source, edits) in chosen.edits.items():
        text = apply(source, edits, escape_json=source.path.endswith(".ipynb"))
        if text != source.text:
            changed[key] = Source(source.path, text, source.file, source.bom)
    return changed


def _key(source: Source) -> str:
    return source.file or source.path


def _repeats(edit: Edit, others: Sequence[Edit]) -> bool:
    return any(edit.span == other.span and edit.text == other.text for other in others)


def _collides(edit: Edit, other: Edit) -> bool:
    """Whether two edits overlap; two insertions at one place do, since their order would be arbitrary."""
    if edit.span == other.span:
        return True
    return edit.span.start < other.span.end and other.span.start < edit.span.end


def _line_end(text: str) -> str:
    at = text.find("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"


def _lines(text: str) -> list[str]:
    """The lines with their ends; unlike ``str.splitlines``, only ``\\n`` ends a line."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _json_inside(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)[1:-1]


def _check_json(path: str, text: str) -> None:
    import json

    try:
        json.loads(text)
    except ValueError as error:
        raise FixError(path, "its fix would leave a notebook that cannot be parsed") from error

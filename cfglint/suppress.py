"""Silencing findings by comments in the files, and reporting the comments that silence nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from cfglint.ignore_comments import IgnoreComment, Lines, ignore_comments, may_ignore
from cfglint.model.finding import Finding, Location
from cfglint.source import Cell, Source, Span

#: The rule that reports a comment without effect.
UNUSED_IGNORE = "unused-ignore"


class Suppression(NamedTuple):
    """The findings that are left, how many were silenced, and a finding for each name that silenced nothing.

    The latter carry no fingerprint yet; their ``route`` is the text that they point at.
    """

    kept: tuple[Finding, ...]
    silenced: int
    unused: tuple[Finding, ...]


def suppress(
    findings: Sequence[Finding],
    sources: Iterable[Source],
    rules: Mapping[str, str],
    active: Collection[str] | None = None,
    exclude: Callable[[Source], Iterable[Span]] | None = None,
    cell_of: Callable[[Source, int], Cell | None] | None = None,
) -> Suppression:
    """Apply the comments of some sources; a comment counts for a finding's place and for its related ones.

    ``rules`` maps every rule's name to its code; comments may use either. A rule outside ``active`` (names;
    None: all ran) did not run, and ignoring it is no mistake. ``exclude`` gives the spans of a source in
    which a "#" begins no comment (quoted and block scalars), ``cell_of`` the notebook cell of an offset; both
    are asked only about sources that may hold a comment for cfglint.
    """
    files: dict[str, Lines] = {}
    comments: dict[str, list[IgnoreComment]] = {}
    for source in sources:
        if may_ignore(source):
            lines = files[_key(source)] = Lines(source)
            comments[_key(source)] = ignore_comments(
                lines, exclude(source) if exclude else (), _locator(source, cell_of)
            )
    if not any(comments.values()):
        return Suppression(tuple(findings), 0, ())
    used: set[tuple[str, Span]] = set()
    kept = tuple(finding for finding in findings if not _silenced(finding, files, comments, used))
    unused: list[Finding] = []
    for key, listed in comments.items():
        quiet = {line for line, names in _asks(listed) if names & {UNUSED_IGNORE, rules.get(UNUSED_IGNORE)}}
        for comment in listed:
            if None in quiet or (comment.line is not None and comment.line in quiet):
                continue
            for problem, span in _problems(comment, key, rules, active, used):
                unused.append(_finding(comment.source, problem, span, rules, cell_of))
    return Suppression(kept, len(findings) - len(kept), tuple(unused))


def _asks(comments: Iterable[IgnoreComment]) -> list[tuple[int | None, set[str | None]]]:
    return [(comment.line, {name for name, _ in comment.names}) for comment in comments if comment.names]


def _silenced(
    finding: Finding,
    files: Mapping[str, Lines],
    comments: Mapping[str, Sequence[IgnoreComment]],
    used: set[tuple[str, Span]],
) -> bool:
    """Whether a comment silences a finding; every name that does is noted in ``used``."""
    silenced = False
    for location in (finding.location, *finding.related):
        key = _key(location.source)
        if key not in files:
            continue
        touched = files[key].touched(location.span)
        for comment in comments[key]:
            if comment.line is None or comment.line in touched:
                for name, span in comment.names:
                    if name in (finding.rule, finding.code):
                        used.add((key, span))
                        silenced = True
    return silenced


def _problems(
    comment: IgnoreComment,
    key: str,
    rules: Mapping[str, str],
    active: Collection[str] | None,
    used: Collection[tuple[str, Span]],
) -> list[tuple[str, Span]]:
    """What is wrong with a comment, and where."""
    if comment.problem:
        return [(f"this comment has no effect: {comment.problem}", comment.span)]
    names = {code: name for name, code in rules.items()}
    problems = []
    for name, span in comment.names:
        rule = names.get(name, name)
        if rule not in rules:
            problems.append((f"no rule is named `{name}`{_similar(name, rules)}", span))
        elif (key, span) not in used and rule != UNUSED_IGNORE and (active is None or rule in active):
            where = "in this file" if comment.line is None else "here"
            problems.append((f"`{name}` reports nothing {where}", span))
    return problems


def _finding(
    source: Source,
    problem: str,
    span: Span,
    rules: Mapping[str, str],
    cell_of: Callable[[Source, int], Cell | None] | None,
) -> Finding:
    cell = cell_of(source, span.start) if cell_of and source.path.endswith(".ipynb") else None
    return Finding(
        rule=UNUSED_IGNORE,
        code=rules.get(UNUSED_IGNORE, ""),
        severity="warning",
        confidence="high",
        location=Location(source, span, "", cell),
        related=(),
        message=problem,
        why="A comment that silences nothing hides the next finding that it happens to fit.",
        help="remove it, or correct the name",
        symptom=(),
        fields=(),
        packages={},
        evidence=(),
        fix=None,
        fingerprint="",
        route=f"comment[{source.slice(span)}]",
    )


def _similar(name: str, rules: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [*rules, *rules.values()], n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _locator(
    source: Source, cell_of: Callable[[Source, int], Cell | None] | None
) -> Callable[[int], Cell | None] | None:
    return None if cell_of is None else lambda offset: cell_of(source, offset)


def _key(source: Source) -> str:
    return source.file or source.path

"""One lint from paths to a report: discover, parse, resolve, evaluate, suppress. Every command that lints calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from cfglint.discover import discover, project_root
from cfglint.engine.check import Undecided as UndecidedCheck
from cfglint.engine.check import check_runs, order
from cfglint.engine.ruleset import RuleSet, load_rules
from cfglint.fingerprint import fingerprint
from cfglint.model.finding import SEVERITIES, Finding, Location
from cfglint.model.report import CheckedFile, Report, RunSummary, SkippedFile, Undecided
from cfglint.model.run import Run
from cfglint.resolve.project import ParsedFile, Project
from cfglint.resolve.runs import build_runs
from cfglint.source import Cell, Source, Span

#: The rule names of findings that the tool makes itself, with their codes.
OWN_RULES = {"unreadable-file": "CFG001", "unused-ignore": "CFG002"}


class Options(NamedTuple):
    """What the user asked for, from the command line and the settings file."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_from: str = ""
    preview: bool = False
    rules: tuple[str, ...] = ()
    target: Mapping[str, Any] = {}
    environment: str = "auto"
    per_file_ignores: Mapping[str, tuple[str, ...]] = {}
    stdin: tuple[str, bytes] | None = None
    only_dependencies: bool = False


class Linted(NamedTuple):
    """A report with what later steps (fix, verify, inspect) need of how it came about."""

    report: Report
    runs: list[Run]
    rules: RuleSet
    missing: tuple[str, ...]
    nothing_found: bool
    undecided: tuple[UndecidedCheck, ...] = ()


def lint(options: Options, replaced: Mapping[str, Source] | None = None) -> Linted:
    """Lint paths. ``replaced`` gives texts to use instead of what the disk holds, by absolute path.

    Raises RulesError when the rules cannot be loaded.
    """
    rules = load_rules(options.rules)
    cwd = os.getcwd()
    found = (
        discover(options.paths or (".",), options.exclude, options.exclude_from)
        if options.stdin is None or options.paths
        else None
    )
    start = options.paths[0] if options.paths else cwd
    root = project_root(os.path.abspath(start))
    project = Project(rules.vocabulary, root, cwd)
    for file, source in (replaced or {}).items():
        project.files[os.path.normpath(file)] = project.parse(source, file)
    files: list[ParsedFile] = []
    if options.stdin is not None:
        files.append(project.add_text(options.stdin[1], options.stdin[0]))
    for entry in found.files if found is not None else ():
        files.append(project.open(entry.file, entry.named, entry.path))
    if options.only_dependencies:
        files = [parsed for parsed in files if parsed.kind == "dependencies" or parsed.problem]
    for parsed in files:
        parsed.named = parsed.named or options.stdin is not None
    runs = build_runs(project, files, dict(options.target), options.environment)
    checked = check_runs(runs, rules, selector(options), _locator(project))
    named = {parsed.source.path for parsed in files}
    findings = [finding for finding in checked.findings if _touches(finding, named)]
    findings += _unreadable(files, runs)
    findings = [
        finding
        for finding in findings
        if not _ignored_here(finding, options.per_file_ignores, options.exclude_from)
    ]
    findings, silenced = _suppressed(findings, files, rules, options, project)
    findings.sort(key=order)
    report = Report(
        findings=tuple(findings),
        runs=tuple(
            _summary(run, project) for run in runs if any(source.path in named for source in run.sources)
        ),
        undecided=undecided_counts(checked.undecided),
        checked=_checked(files, runs, project),
        skipped=_skipped(files, found.skipped if found is not None else (), runs, project),
        named_only=found is None
        or (bool(options.paths) and not any(os.path.isdir(path) for path in options.paths)),
        suppressed=silenced,
    )
    nothing = found is not None and not report.named_only and not report.checked and not findings
    return Linted(
        report,
        runs,
        rules,
        tuple(found.missing) if found is not None else (),
        nothing,
        tuple(checked.undecided),
    )


def _suppressed(
    findings: list[Finding], files: list[ParsedFile], rules: RuleSet, options: Options, project: Project
) -> tuple[list[Finding], int]:
    """Apply the comments of the files; most files have none, and then nothing is imported for them."""
    sources = [parsed.source for parsed in files if "cfglint:" in parsed.source.text]
    if not sources:
        return findings, 0
    from cfglint.suppress import suppress

    codes = {**{rule["name"]: rule["code"] for rule in rules.rules}, **OWN_RULES}
    selected = selector(options)
    active = {*OWN_RULES, *(rule["name"] for rule in rules.rules if selected(rule))}
    outcome = suppress(findings, sources, codes, active, _scalars(project), _locator(project))
    unused = outcome.unused if _wanted("unused-ignore", OWN_RULES["unused-ignore"], options) else ()
    return [*outcome.kept, *map(_finished, unused)], outcome.silenced


def _wanted(name: str, code: str, options: Options) -> bool:
    if options.select and not _listed(name, code, options.select):
        return False
    return not _listed(name, code, options.ignore)


def _listed(name: str, code: str, entries: Iterable[str]) -> bool:
    """Entries are names, codes, or prefixes of codes ("PRE")."""
    listed = tuple(entries)
    return name in listed or code in listed or "ALL" in listed or code.startswith(_prefixes(listed))


@lru_cache(maxsize=8)
def _prefixes(entries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(entry for entry in entries if entry.isupper())


def selector(options: Options) -> Callable[[dict[str, Any]], bool]:
    """Whether a compiled rule is to run."""

    def selected(rule: dict[str, Any]) -> bool:
        if rule["status"] == "preview" and not options.preview and rule["name"] not in options.select:
            return False
        return _wanted(rule["name"], rule["code"], options)

    return selected


def _touches(finding: Finding, named: set[str]) -> bool:
    return finding.location.source.path in named or any(
        place.source.path in named for place in finding.related
    )


def _ignored_here(finding: Finding, rules: Mapping[str, tuple[str, ...]], folder: str) -> bool:
    """Whether the settings ignore a rule for a path; patterns are those of .gitignore, from the settings' folder."""
    if not rules:
        return False
    from cfglint.gitignore import Patterns

    path = os.path.relpath(
        finding.location.source.file or finding.location.source.path, folder or os.getcwd()
    )
    path = path.replace(os.sep, "/")
    return any(
        _listed(finding.rule, finding.code, names) and Patterns([pattern]).verdict(path, False) is True
        for pattern, names in rules.items()
    )


def _locator(project: Project) -> Callable[[Source, int], Cell | None]:
    cells = {
        parsed.source.path: parsed.cells for parsed in project.files.values() if parsed.cells is not None
    }

    def locate(source: Source, offset: int) -> Cell | None:
        found = cells.get(source.path)
        return found.locate(offset) if found is not None else None

    return locate


def _scalars(project: Project) -> Callable[[Source], Iterable[Span]]:
    """Where a "#" begins no comment: inside quoted values of YAML."""
    trees = {parsed.source.path: parsed.tree for parsed in project.files.values() if parsed.tree is not None}

    def spans(source: Source) -> Iterable[Span]:
        from cfglint.parse.tree import Mapping as TreeMapping
        from cfglint.parse.tree import Scalar, Sequence

        stack = [trees[source.path]] if source.path in trees else []
        while stack:
            node = stack.pop()
            if isinstance(node, Scalar) and node.quoted:
                yield node.span
            elif isinstance(node, Sequence):
                stack += node.items
            elif isinstance(node, TreeMapping):
                stack += [entry.value for entry in node.entries]

    return spans


def _unreadable(files: list[ParsedFile], runs: list[Run]) -> list[Finding]:
    """A file that was named, or that is plainly ours, and could not be read or parsed."""
    found = []
    for parsed in files:
        if parsed.problem and (parsed.named or parsed.ours):
            at = parsed.problem_at
            end = min(len(parsed.source.text), at + 1)
            finding = Finding(
                rule="unreadable-file",
                code=OWN_RULES["unreadable-file"],
                severity="error",
                confidence="high",
                location=Location(parsed.source, Span(min(at, end), end)),
                related=(),
                message=parsed.problem,
                why="A file that cannot be read is not checked, and the tool that trains from it may fail on it too.",
                help="repair the file, or exclude it if it is no training config",
                symptom=("crash_at_start",),
                fields=(),
                packages={},
                evidence=(),
                fix=None,
                fingerprint="",
                route="",
            )
            found.append(_finished(finding))
    return found


def _finished(finding: Finding) -> Finding:
    text = finding.location.source.slice(finding.location.span)
    return finding._replace(
        fingerprint=fingerprint(finding.rule, finding.location.source.path, finding.route, text)
    )


def undecided_counts(entries: Iterable[Any]) -> Undecided:
    """The undecided checks counted by what they lacked, most frequent first."""
    missing: dict[str, int] = {}
    count = 0
    for entry in entries:
        count += 1
        missing[entry.missing] = missing.get(entry.missing, 0) + 1
    return Undecided(count, dict(sorted(missing.items(), key=lambda item: (-item[1], item[0]))))


def _summary(run: Run, project: Project) -> RunSummary:
    family = run.fields.get("model.name") or run.fields.get("model.family")
    model = str(family.value) if family is not None and family.known else None
    packages = {name: versions.text() for name, versions in sorted(run.packages.items())}
    return RunSummary(tuple(source.path for source in run.sources), tuple(run.dialects), model, packages)


def _checked(files: list[ParsedFile], runs: list[Run], project: Project) -> tuple[CheckedFile, ...]:
    known: dict[str, list[str]] = {}
    for run in runs:
        for source in run.sources:
            known.setdefault(source.path, [])
        for document in run.documents:
            dialects = known.setdefault(document.source.path, [])
            if document.dialect not in dialects:
                dialects.append(document.dialect)
    return tuple(
        CheckedFile(parsed.source.path, tuple(known[parsed.source.path]))
        for parsed in files
        if parsed.source.path in known
    )


def _skipped(
    files: list[ParsedFile], walked: Iterable[Any], runs: list[Run], project: Project
) -> tuple[SkippedFile, ...]:
    """Files that were not checked, and the parts of dependency sources that were not understood or followed."""
    skipped = [SkippedFile(entry.path, entry.reason) for entry in walked]
    for parsed in files:
        if parsed.problem and not (parsed.named or parsed.ours):
            skipped.append(SkippedFile(parsed.source.path, parsed.problem))
    named = {parsed.source.path for parsed in files}
    shown = [run for run in runs if any(source.path in named for source in run.sources)]
    context = [
        project.files[source.file] for run in shown for source in run.sources if source.file in project.files
    ]
    for parsed in dict.fromkeys([*files, *context]):
        skipped += [SkippedFile(entry.path, f"line {entry.line}: {entry.reason}") for entry in parsed.skipped]
    return tuple(sorted(set(skipped)))


def at_or_above(findings: Iterable[Finding], threshold: str) -> bool:
    """Whether any finding has at least this severity."""
    floor = SEVERITIES.index(threshold)
    return any(SEVERITIES.index(finding.severity) >= floor for finding in findings)

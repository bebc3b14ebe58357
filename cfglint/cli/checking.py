"""Run a check and show its report: what ``cfglint [check]``, ``audit`` and ``verify`` have in common. No click."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cfglint.discover import project_root
from cfglint.engine.ruleset import RulesError
from cfglint.linting import Linted, Options, at_or_above, lint
from cfglint.model.finding import Finding
from cfglint.report import FORMATS, render
from cfglint.report.style import wants_color
from cfglint.settings import Settings, SettingsError, load_settings
from cfglint.source import Source


def say(text: str, err: bool = False, nl: bool = True) -> None:
    """Write to standard output or error; what the stream's encoding lacks is replaced."""
    stream = sys.stderr if err else sys.stdout
    text = text + "\n" if nl else text
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


class OutputError(Exception):
    """A report could not be written; the message names the file."""


def check(paths: tuple[str, ...], given: Mapping[str, Any], only_dependencies: bool = False) -> int:
    """Run the check and print its report; returns the exit code."""
    try:
        return _check(paths, given, only_dependencies)
    except (SettingsError, RulesError, OutputError) as error:
        say(f"cfglint: {error}", err=True)
        return 2


def _check(paths: tuple[str, ...], given: Mapping[str, Any], only_dependencies: bool) -> int:
    settings = settings_for(paths)
    if given.get("cell") or given.get("collect"):
        from cfglint.cli.plan_files import collect, run_one

        return run_one(paths[0], given) if given["cell"] else collect(paths[0], given, settings)
    options = options_from(paths, given, settings, only_dependencies)
    linted = lint(options)
    if linted.missing:
        for path in linted.missing:
            say(f"cfglint: {path}: no such file or folder", err=True)
        return 2
    if given.get("verify"):
        from cfglint.cli.verifying import verify_linted

        return int(verify_linted(linted, {**given, "paths": paths}))
    if given.get("fix") or given.get("diff"):
        linted = _fixed(linted, options, bool(given.get("unsafe_fixes")), bool(given.get("diff")))
    if not given.get("diff"):
        show(linted, given, settings)
    return exit_code(linted, given, settings)


def settings_for(paths: tuple[str, ...]) -> Settings:
    """The settings of the project that the first path lies in. Raises SettingsError."""
    start = os.path.abspath(paths[0] if paths and paths[0] != "-" else os.getcwd())
    folder = start if os.path.isdir(start) else os.path.dirname(start)
    return load_settings(folder, project_root(start))


def exit_code(linted: Linted, given: Mapping[str, Any], settings: Settings) -> int:
    """0 below the threshold, 1 at or above it, 3 when a folder was searched and nothing in it was recognised."""
    if at_or_above(linted.report.findings, given.get("fail_on") or settings.fail_on):
        return 1
    return 3 if linted.nothing_found else 0


def options_from(
    paths: tuple[str, ...], given: Mapping[str, Any], settings: Settings, only_dependencies: bool = False
) -> Options:
    """Command line over settings file over defaults. Raises SettingsError for a target that is not KEY=VALUE."""
    stdin = None
    if "-" in paths:
        stdin = (given.get("stdin_filename") or "stdin.yaml", sys.stdin.buffer.read())
        paths = tuple(path for path in paths if path != "-")
    return Options(
        paths=paths,
        select=_names(given.get("select")) or tuple(settings.select),
        ignore=(*_names(given.get("ignore")), *settings.ignore),
        exclude=(*(given.get("exclude") or ()), *settings.exclude),
        exclude_from=settings.folder,
        preview=bool(given.get("preview") or settings.preview),
        rules=(*(given.get("rule_folders") or ()), *settings.rules),
        target=target_facts(settings.target, given.get("target") or ()),
        environment=given.get("environment") or settings.environment,
        per_file_ignores={pattern: tuple(names) for pattern, names in settings.per_file_ignores.items()},
        stdin=stdin,
        only_dependencies=only_dependencies,
    )


def _names(values: Any) -> tuple[str, ...]:
    return tuple(name.strip() for value in values or () for name in value.split(",") if name.strip())


def target_facts(configured: Mapping[str, str], stated: tuple[str, ...]) -> dict[str, Any]:
    """Facts that the user states, the command line over the settings; a key that is no fact of its own is a package.

    Raises SettingsError for an entry that is not KEY=VALUE.
    """
    facts = dict(configured)
    for entry in stated:
        key, equals, value = entry.partition("=")
        if not equals or not key or not value:
            raise SettingsError(
                f"--target {entry}: expected KEY=VALUE, such as gpu=T4 or transformers=4.57.1"
            )
        facts[key] = value
    target: dict[str, Any] = {"packages": {}}
    for key, value in facts.items():
        if key == "processes":
            if not value.isdigit():
                raise SettingsError(f"target processes={value}: expected a number of processes")
            target[key] = int(value)
        elif key in ("gpu", "python"):
            target[key] = value
        else:
            target["packages"][key] = value.lstrip("=")
    gpu = str(target.get("gpu", "")).lower()
    if gpu:
        from cfglint.resolve.gpus import capability_of

        capability = capability_of(gpu)
        if capability is not None:
            target["gpu_capability"] = capability
    return target


def _show_undecided(linted: Linted) -> None:
    """The checks that lacked a fact, on standard error so that a machine-read report stays whole."""
    for entry in sorted(linted.undecided):
        say(f"undecided: {entry.rule} lacks {entry.missing}", err=True)


def show(
    linted: Linted,
    given: Mapping[str, Any],
    settings: Settings,
    plots: Mapping[str, Sequence[str]] = {},
) -> None:
    """Print the report (as text, with the plots of its findings), and write the files asked for. Raises OutputError."""
    chosen = given.get("output_format") or settings.output_format
    color = (
        wants_color(given.get("color") or "auto", sys.stdout.isatty(), os.environ)
        if chosen in ("text", "concise")
        else False
    )
    say(_rendered(linted, chosen, color, plots), nl=False)
    for kind, path in given.get("outputs") or ():
        if kind in FORMATS:
            write_report(path, _rendered(linted, kind))
    if given.get("show_undecided"):
        _show_undecided(linted)


def _rendered(
    linted: Linted, chosen: str, color: bool = False, plots: Mapping[str, Sequence[str]] = {}
) -> str:
    descriptors = []
    if chosen == "sarif":
        names = {finding.rule for finding in linted.report.findings}
        descriptors = [{"name": name, **cold} for name, cold in linted.rules.cold.items() if name in names]
    return render(linted.report, chosen, color, descriptors, plots)


def write_report(path: str, text: str) -> None:
    """Write one report to a file, and say so. Raises OutputError."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}") from error
    say(f"cfglint: wrote {path}", err=True)


def _fixed(linted: Linted, options: Options, unsafe: bool, only_show: bool) -> Linted:
    from cfglint.fix import FixError, converge, diff, write

    def relint(sources: Mapping[str, Source]) -> tuple[Finding, ...]:
        return lint(options, sources).report.findings

    outcome = converge(linted.report.findings, relint, unsafe)
    for path, reason in outcome.refused.items():
        say(f"cfglint: {path}: not fixed: {reason}", err=True)
    if only_show:
        for change in outcome.changes:
            say(diff(change.before, change.after.text), nl=False)
        return linted
    for change in outcome.changes:
        try:
            write(change.before, change.after.text)
        except FixError as error:
            say(f"cfglint: {error}", err=True)
    if outcome.changes:
        files = len(outcome.changes)
        say(f"cfglint: fixed {len(outcome.fixed)} finding(s) in {files} file(s)", err=True)
    return lint(options)

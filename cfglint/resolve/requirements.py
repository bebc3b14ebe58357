"""Which package versions a run sees: target, its own install lines, the nearest dependency files, the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cfglint.model.run import Run
from cfglint.resolve.project import ParsedFile, Project
from cfglint.source import Source, UnreadableError, read_source

if TYPE_CHECKING:
    from cfglint.packages.requirement import Requirement


def attach_packages(
    project: Project,
    run: Run,
    primary: ParsedFile,
    target: dict[str, Any],
    environment: str,
    claim: Callable[[Run, ParsedFile], None],
) -> None:
    """Fill ``run.packages``; the dependency files that were used become files of the run.

    ``environment`` is "auto" (the project's .venv, else the active one, else cfglint's own), "none", or the path of an
    interpreter or environment. ``packages`` imports ``packaging``, so nothing is imported when nothing is said.
    """
    requirements: list[Requirement] = []
    overruled: list[Requirement] = []
    said = dict(target.get("packages", {}))
    if said:
        from cfglint.packages.requirement import Requirement, canonical_name

        for name, version in said.items():
            requirements.append(
                Requirement(canonical_name(name), f"=={version}", "target", None, None, "", "the target")
            )
    if primary.requirements and primary.kind == "dependencies":
        requirements += primary.requirements
    else:
        own = _own_lines(project, primary, run)
        requirements += own
        for parsed in project.dependency_files(primary.file):
            requirements += [entry for entry in parsed.requirements if not own or _is_new(entry, own)]
            overruled += [entry for entry in parsed.requirements if own and not _is_new(entry, own)]
            claim(run, parsed)
    if environment != "none":
        requirements += _installed(project.root, environment, project.vocabulary.packages)
    if requirements:
        from cfglint.packages.versions import environment_of, version_sets

        sets = version_sets(requirements, environment_of(str(target.get("python", ""))))
        for entry in overruled:
            if entry.name in sets:
                sets[entry.name].overruled += (entry,)
        run.packages.update(sets)


def _is_new(entry: Requirement, own: list[Requirement]) -> bool:
    return all(entry.name != other.name for other in own)


def _own_lines(project: Project, primary: ParsedFile, run: Run) -> list[Requirement]:
    """Install lines of the notebook, the script's header and the launch scripts of this run."""
    kept: dict[Requirement, None] = {}
    for parsed in [
        primary,
        *(project.files[source.file] for source in run.sources if source.file in project.files),
    ]:
        if parsed is primary and kept:
            continue
        found: list[Any] = []
        include = include_from(project, parsed.file)
        if parsed.script is not None:
            for line in parsed.script.shell_lines:
                if "install" in line.text or "add" in line.text:
                    from cfglint.packages.install_lines import read_install_lines

                    found += read_install_lines(parsed.source, line.text, line.span, include, line.offsets)
            if parsed.kind == "script" and "# /// script" in parsed.source.text:
                from cfglint.packages.script_header import read_script_header

                found += read_script_header(parsed.source)
        elif parsed.kind == "commands" and "install" in parsed.source.text:
            from cfglint.packages.install_lines import read_shell_script

            found += read_shell_script(parsed.source, include)
        if found:
            from cfglint.packages.requirement import Requirement

            kept.update(dict.fromkeys(entry for entry in found if isinstance(entry, Requirement)))
            skipped = [entry for entry in found if not isinstance(entry, Requirement)]
            parsed.skipped = tuple(dict.fromkeys([*parsed.skipped, *skipped]))
    return list(kept)


def include_from(project: Project, near: str) -> Callable[[str], Source]:
    """How an included requirements file is opened: beside the including one, inside the project only."""

    def opened(path: str) -> Source:
        file = os.path.normpath(os.path.join(os.path.dirname(near), path))
        if not project.inside(file):
            raise UnreadableError("lies outside the project")
        return read_source(file, project.display(file))

    return opened


@lru_cache(maxsize=8)
def _installed(root: str, environment: str, asked: frozenset[str]) -> tuple[Requirement, ...]:
    """The installed distributions that a rule asks about or whose releases are tabled."""
    from cfglint.packages.environment import (
        EnvironmentNotFoundError,
        environment_at,
        find_environment,
        installed,
    )
    from cfglint.packages.versions import tabled

    try:
        found = find_environment(root) if environment == "auto" else environment_at(environment)
    except EnvironmentNotFoundError:
        return ()
    if found is None:
        return ()
    entries = installed(found, asked | tabled())
    # An environment that the user names speaks louder than any file; one that was found does not.
    return tuple(entry if environment == "auto" else entry._replace(kind="target") for entry in entries)

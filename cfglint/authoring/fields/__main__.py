"""Command line of the field tables.

``python -m cfglint.authoring.fields trl peft`` downloads what is missing and writes
``rules/facts/fields/*.json``; ``python -m cfglint.authoring.fields all`` does so for every library;
``python -m cfglint.authoring.fields check`` compares the tables with what an environment really has.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection
from pathlib import Path

from packaging.version import Version

from cfglint.authoring.fields import check, history
from cfglint.authoring.fields.extract import snapshot
from cfglint.authoring.fields.package_index import PackageIndex, PackageIndexError, open_index
from cfglint.authoring.fields.sources import SourceArchive, archive_path, cache_folder, keep_release, released
from cfglint.authoring.fields.targets import LIBRARIES, Library


def main(arguments: list[str] | None = None) -> int:
    """Write the tables of the named libraries. Returns 1 if a release could not be read."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["check"]:
        return check.main(given[1:])
    parser = argparse.ArgumentParser(prog="python -m cfglint.authoring.fields", description=__doc__)
    parser.add_argument("libraries", nargs="+", choices=[*LIBRARIES, "all"], metavar="LIB", help="or: all")
    parser.add_argument(
        "--releases",
        nargs="+",
        help="only these releases (default: all in the release table, from the floor on)",
    )
    parser.add_argument("--out", type=Path, default=Path("rules/facts"), help="folder with releases.json")
    parser.add_argument("--offline", action="store_true", help="use only what was kept before")
    options = parser.parse_args(given)
    wanted = list(LIBRARIES) if "all" in options.libraries else options.libraries
    tabled = json.loads((options.out / "releases.json").read_text(encoding="utf-8"))
    failures = 0
    for name in wanted:
        library = LIBRARIES[name]
        due = [version for version in tabled[name] if Version(version) >= Version(library.floor)]
        chosen = options.releases or due
        archives, problems = (_kept if options.offline else _fetched)(library, chosen)
        path = options.out / "fields" / f"{name}.json"
        if lost := lost_releases(path, due, archives):
            problems.append(f"{path.name} stays as it was: it would lose {', '.join(lost)}")
        else:
            _write(library, archives, path)
        failures += len(problems)
        for problem in problems:
            print(problem, file=sys.stderr)
    return 1 if failures else 0


def _kept(library: Library, chosen: list[str]) -> tuple[dict[str, Path], list[str]]:
    paths = {version: archive_path(library, version, cache_folder()) for version in chosen}
    at_hand = {version: path for version, path in paths.items() if path.exists()}
    missing = [version for version in chosen if version not in at_hand]
    return at_hand, [f"{library.package}: not kept: {', '.join(missing)}"] if missing else []


def _fetched(library: Library, chosen: list[str]) -> tuple[dict[str, Path], list[str]]:
    with open_index() as index:
        return _download(library, chosen, index)


def _download(library: Library, chosen: list[str], index: PackageIndex) -> tuple[dict[str, Path], list[str]]:
    archives: dict[str, Path] = {}
    problems: list[str] = []
    listed = released(index.files(library.package), library.floor)
    for version in (version for version in listed if version in chosen):
        try:
            archives[version] = keep_release(library, listed[version], index, cache_folder())
        except PackageIndexError as problem:
            problems.append(f"{library.package} {version}: {problem}")
        print(f"\r{library.package} {version}: {len(archives)} releases kept ", end="", file=sys.stderr)
    print(file=sys.stderr)
    return archives, problems


def lost_releases(path: Path, due: list[str], archives: Collection[str]) -> list[str]:
    """The `due` releases that the table has and that one of `archives` would be without."""
    if not path.exists():
        return []
    held = json.loads(path.read_text(encoding="utf-8"))["releases"]
    return [version for version in held if version in due and version not in archives]


def _write(library: Library, archives: dict[str, Path], table: Path) -> None:
    inherited = _transformers_settings(table.parent)
    snapshots = []
    for version, path in archives.items():
        print(f"\r{library.package} {version}: read ", end="", file=sys.stderr)
        read = snapshot(library, version, SourceArchive(path, library), inherited)
        if library.classes and not read.classes:
            # Better no row than one that says that the release knows no setting.
            print(
                f"\r{library.package} {version}: left out, it holds none of the classes",
                file=sys.stderr,
            )
        else:
            snapshots.append(read)
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(history.text(history.fold(library.package, snapshots)), encoding="utf-8")
    seen = {name for one in snapshots for name in one.classes}
    missing = sorted({*library.classes, *library.functions} - seen)
    print(f"\r{table.name}: {len(snapshots)} releases, {table.stat().st_size / 1000:.0f} kB", file=sys.stderr)
    if missing:
        print(f"  found in no release: {', '.join(missing)}", file=sys.stderr)


def _transformers_settings(out: Path) -> frozenset[str]:
    """Names that a class deriving from TrainingArguments has too, from the table written before."""
    path = out / "transformers.json"
    if not path.exists():
        return frozenset()
    classes = json.loads(path.read_text(encoding="utf-8"))["classes"]
    return frozenset(classes.get("TrainingArguments", {}).get("fields", ()))


if __name__ == "__main__":
    sys.exit(main())

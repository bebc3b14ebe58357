"""The Python sources that field tables are read from, one small archive a release, kept in the user's cache.

A release is downloaded once, its needed ``.py`` files and its metadata are kept, and the rest is dropped. An
interrupted run resumes where it stopped, as an archive only gets its name once it is complete.
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from packaging.version import Version

from cfglint.authoring.fields.package_index import PackageIndex, PackageIndexError, ReleasedFile
from cfglint.authoring.fields.targets import Library

METADATA = "METADATA"


def cache_folder() -> Path:
    """Where release sources are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cfglint" / "release-sources"


class SourceArchive(Mapping[str, str]):
    """Text of the kept files of one release, by path inside the package (``trl/trainer/sft_config.py``)."""

    def __init__(self, path: Path, library: Library) -> None:
        self._archive = zipfile.ZipFile(path)
        self._names = frozenset(name for name in self._archive.namelist() if _wanted(name, library))

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return self._archive.read(name).decode("utf-8", errors="replace")

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


def archive_path(library: Library, version: str, cache: Path) -> Path:
    """Where the sources of one release lie once they have been kept."""
    return cache / library.package / f"{version}.zip"


def keep_release(library: Library, files: list[ReleasedFile], index: PackageIndex, cache: Path) -> Path:
    """Path of the release's archive, downloaded first if it is not there yet.

    Raises PackageIndexError if no file of the release can be had or opened.
    """
    path = archive_path(library, str(files[0].version), cache)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    download, partial = path.with_suffix(".download"), path.with_suffix(".partial")
    problems = []
    for file in sorted(files, key=_preference):
        try:
            index.save(file, download)
            _repack(download, file.filename, library, partial)
        except (PackageIndexError, OSError, zipfile.BadZipFile, tarfile.TarError, KeyError) as problem:
            problems.append(f"{file.filename}: {problem}")
            continue
        finally:
            download.unlink(missing_ok=True)
        partial.replace(path)
        return path
    raise PackageIndexError("; ".join(problems))


def released(files: list[ReleasedFile], floor: str) -> dict[str, list[ReleasedFile]]:
    """Files by release from `floor` on, oldest release first."""
    grouped: dict[str, list[ReleasedFile]] = {}
    for file in files:
        if file.version >= Version(floor):
            grouped.setdefault(str(file.version), []).append(file)
    return grouped


def _preference(file: ReleasedFile) -> tuple[bool, bool, str]:
    """Pure wheels first, then any wheel, then sdists: a wheel states its requirements for certain."""
    return (not file.wheel, not file.filename.endswith("-none-any.whl"), file.filename)


def _repack(download: Path, filename: str, library: Library, target: Path) -> None:
    kept = dict(_wheel_files(download) if filename.endswith(".whl") else _sdist_files(download))
    wanted = {name: text for name, text in kept.items() if _wanted(name, library)}
    if library.files and wanted.keys() <= {METADATA}:
        raise PackageIndexError("holds none of the library's sources")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(wanted.items()):
            archive.writestr(name, text)


def _wanted(name: str, library: Library) -> bool:
    return name == METADATA or any(fnmatch(name, pattern) for pattern in library.files)


def _wheel_files(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA"):
                yield METADATA, archive.read(name)
            elif name.endswith((".py", ".txt")):
                yield name, archive.read(name)


def _sdist_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Members below the sdist's own folder; ``src/`` layouts lose that prefix, as a wheel of them would."""
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        for member in archive:
            name = member.name.split("/", 1)[-1].removeprefix("src/")
            if not member.isfile() or not (name.endswith((".py", ".txt")) or name == "PKG-INFO"):
                continue
            content = archive.extractfile(member)
            if content is not None:
                yield (METADATA if name == "PKG-INFO" else name), content.read()

"""Released files of a package, as the package index that pip is configured for lists them.

Goes through pip's own session, so that the user's index, proxy and certificates apply. An sdist is only ever
unpacked: ``pip download`` would run its build script to learn the metadata.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version


class PackageIndexError(Exception):
    """The index could not be asked, or what it served does not match its own hash."""


class ReleasedFile(NamedTuple):
    """One wheel or sdist of a release. ``link`` is pip's own object for it."""

    version: Version
    filename: str
    yanked: bool
    python: str
    link: Any

    @property
    def wheel(self) -> bool:
        return self.filename.endswith(".whl")


def _version_of(filename: str, package: str) -> Version | None:
    """Version a file name states; None if it is no wheel or sdist of `package` (eggs, installers)."""
    try:
        if filename.endswith(".whl"):
            name, version, _build, _tags = parse_wheel_filename(filename)
        elif filename.endswith((".tar.gz", ".zip")):
            name, version = parse_sdist_filename(filename)
        else:
            return None
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return version if name == canonicalize_name(package) else None


@contextmanager
def open_index() -> Iterator[PackageIndex]:
    """The package index with pip's own settings (index, proxy, certificates); one connection pool."""
    command = import_module("pip._internal.commands").create_command("download")
    options, _ = command.parse_args(["placeholder"])
    with command.main_context():
        session = command._build_session(options)
        collector = import_module("pip._internal.index.collector").LinkCollector.create(
            session, options=options
        )
        yield PackageIndex(session, collector)


class PackageIndex:
    """The configured package index, over one of pip's sessions. Opened with `open_index`."""

    def __init__(self, session: Any, collector: Any) -> None:
        self._session = session
        self._collector = collector

    def files(self, package: str) -> list[ReleasedFile]:
        """Every wheel and sdist of `package`, oldest release first. Local builds (``+cpu``) are left out.

        Raises PackageIndexError if no index knows the package.
        """
        found = [file for link in self._links(package) if (file := self._released(link, package))]
        if not found:
            raise PackageIndexError(f"the package index lists no file of {package}")
        return sorted(found, key=lambda file: (file.version, file.filename))

    def save(self, file: ReleasedFile, path: Path) -> None:
        """Download `file` to `path` and check it against the hash that the index states.

        Raises PackageIndexError on a failed request or a wrong hash.
        """
        response = self._session.get(file.link.url_without_fragment, headers={"Accept-Encoding": "identity"})
        if response.status_code != 200:
            raise PackageIndexError(f"{file.filename}: status {response.status_code}")
        stated = file.link.hash
        if stated and hashlib.new(file.link.hash_name, response.content).hexdigest() != stated:
            raise PackageIndexError(f"{file.filename}: hash differs from the one the index states")
        path.write_bytes(response.content)

    def _links(self, package: str) -> Iterator[Any]:
        make_link = import_module("pip._internal.models.link").Link
        parse_links = import_module("pip._internal.index.collector").parse_links
        for location in self._collector.search_scope.get_index_urls_locations(package):
            if re.match(r"file:", location):
                continue
            page = self._collector.fetch_response(make_link(location))
            if page is not None:
                yield from parse_links(page)

    @staticmethod
    def _released(link: Any, package: str) -> ReleasedFile | None:
        version = _version_of(link.filename, package)
        if version is None or version.local:
            return None
        return ReleasedFile(version, link.filename, bool(link.is_yanked), link.requires_python or "", link)

"""Which files to look at: those named, and in folders those of a training run that git does not ignore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from cfglint.model.report import SkippedFile

if TYPE_CHECKING:
    from cfglint.gitignore import Patterns

_SUFFIXES = (
    *(".yaml", ".yml", ".json", ".toml", ".lock"),
    *(".py", ".ipynb", ".sh", ".bash", ".slurm", ".sbatch", ".dockerfile"),
)
_NAMES = {"makefile", "pipfile"}
#: Folders that tools write and nobody edits. ``outputs`` and ``runs`` are not among them: people keep configs
#: there.
_GENERATED = {
    *(".git", ".hg", ".svn", "node_modules", "site-packages", "build", "dist", "wandb", "__pycache__"),
    *(".venv", ".tox", ".nox", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
}
#: A folder that holds one of these is an environment, whatever its name.
_ENVIRONMENT = {"pyvenv.cfg", "conda-meta"}
_PATTERNS_LIMIT = 1_000_000


class FoundFile(NamedTuple):
    """A file: ``path`` from the working folder with "/", ``file`` absolute, ``named`` by the user."""

    path: str
    file: str
    named: bool


class Discovery(NamedTuple):
    """The files in the order of their paths, what could not be looked at, and the paths that do not exist."""

    files: tuple[FoundFile, ...]
    skipped: tuple[SkippedFile, ...]
    missing: tuple[str, ...]


def discover(paths: Iterable[str], exclude: Iterable[str] = (), exclude_from: str = "") -> Discovery:
    """Find the files to look at in some paths.

    A file that is named counts whatever it is called; folders are searched for wanted files, without what
    .gitignore files, tools' own folders and ``exclude`` (patterns as in .gitignore, from the absolute folder
    ``exclude_from``, by default the working folder) leave out. Links are followed within the project, and no
    file is found twice.
    """
    cwd = os.getcwd()
    named, tops, missing = [], [], []
    for path in paths:
        file = os.path.abspath(path)
        if os.path.isdir(file):
            tops.append(file)
        elif os.path.exists(file):
            named.append(file)
        else:
            missing.append(path)
    found = {file: FoundFile(_shown(file, cwd), file, True) for file in named}
    if not tops:
        return Discovery(tuple(sorted(found.values())), (), tuple(missing))
    from cfglint.gitignore import Patterns

    search = _Search(cwd, Patterns(exclude), exclude_from or cwd, tops)
    search.found.update(found)
    search.real.update(map(os.path.realpath, named))
    for top in tops:
        search.folder(top)
    search.add_links()
    files = sorted(search.found.values(), key=lambda found: found.path)
    return Discovery(tuple(files), tuple(sorted(search.skipped)), tuple(missing))


def wanted(name: str, folder: str = "") -> bool:
    """Whether a file of this name, in a folder of that name, may be a config, script or dependency file."""
    lower = name.lower()
    if lower.endswith(_SUFFIXES) or lower in _NAMES or lower.startswith("dockerfile"):
        return True
    if lower.endswith((".txt", ".in")):
        return "requirements" in lower or "constraints" in lower or folder == "requirements"
    return False


def project_root(start: str) -> str:
    """The nearest folder upward of an absolute path with .git or pyproject.toml; else the working folder."""
    for folder in _upward(start):
        if os.path.exists(os.path.join(folder, "pyproject.toml")) or os.path.exists(
            os.path.join(folder, ".git")
        ):
            return folder
    return os.getcwd()


class _Ignore(NamedTuple):
    """Patterns, and the folder (with a separator at its end) that they count from."""

    base: str
    patterns: Patterns


class _Folder(NamedTuple):
    """A folder to search, with the patterns above it, the strongest last; ``real`` has no links in it."""

    file: str
    real: str
    path: str
    ignores: tuple[_Ignore, ...]


class _Search:
    """A walk over folders."""

    def __init__(self, cwd: str, exclude: Patterns, exclude_from: str, tops: Iterable[str]) -> None:
        self.found: dict[str, FoundFile] = {}
        self.real: set[str] = set()
        self.skipped: set[SkippedFile] = set()
        self._cwd = cwd
        self._exclude = _Ignore(os.path.join(exclude_from, ""), exclude)
        #: Real paths of the folders that are walked; a link into one of them leads to nothing new.
        self._tops = [os.path.realpath(top) for top in tops]
        self._links: list[tuple[str, FoundFile]] = []

    def folder(self, top: str) -> None:
        """Search a folder, without recursion: how deep it goes is the user's business."""
        root = os.path.realpath(project_root(top))
        todo = [_Folder(top, os.path.realpath(top), _shown(top, self._cwd), _ignores_above(top))]
        while todo:
            folder = todo.pop()
            try:
                with os.scandir(folder.file) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self.skipped.add(SkippedFile(folder.path, f"cannot be read: {error.strerror}"))
                continue
            names = {entry.name for entry in entries}
            if folder.file != top and not names.isdisjoint(_ENVIRONMENT):
                continue
            if ".gitignore" in names:
                folder = folder._replace(ignores=(*folder.ignores, *_ignores(folder.file, ".gitignore")))
            for entry in entries:
                below = self._entry(folder, entry, root)
                if below is not None:
                    todo.append(below)

    def add_links(self) -> None:
        """Add the links to files that were not found themselves; of two links to one file, the first."""
        for real, found in sorted(self._links):
            if real not in self.real and found.file not in self.found:
                self.real.add(real)
                self.found[found.file] = found

    def _entry(self, folder: _Folder, entry: os.DirEntry[str], root: str) -> _Folder | None:
        """Take up a file, or hand back a folder to search."""
        name = entry.name
        path = name if folder.path == "." else f"{folder.path}/{name}"
        if entry.is_symlink():
            return self._link(folder, entry, path, root)
        if entry.is_dir(follow_symlinks=False):
            if _generated(name) or self._ignored(folder, entry.path, True):
                return None
            if path.startswith("../"):  # the way up may lead down again to the working folder
                path = _shown(entry.path, self._cwd)
            return _Folder(entry.path, os.path.join(folder.real, name), path, folder.ignores)
        if wanted(name, os.path.basename(folder.file)) and not self._ignored(folder, entry.path, False):
            self.found.setdefault(entry.path, FoundFile(path, entry.path, False))
            self.real.add(os.path.join(folder.real, name))
        return None

    def _link(self, folder: _Folder, entry: os.DirEntry[str], path: str, root: str) -> _Folder | None:
        """A link counts if it leads to something of the project that is not found anyway."""
        is_folder = os.path.isdir(entry.path)
        if not is_folder and not wanted(entry.name, os.path.basename(folder.file)):
            return None
        if _generated(entry.name) or self._ignored(folder, entry.path, is_folder):
            return None
        real = os.path.realpath(entry.path)
        searched = any(_inside(real, top) for top in self._tops)
        if not os.path.exists(real):
            self.skipped.add(SkippedFile(path, "a broken link"))
        elif not searched and not _inside(real, root):
            self.skipped.add(SkippedFile(path, "a link that leaves the project"))
        elif not is_folder:
            self._links.append((real, FoundFile(path, entry.path, False)))
        elif not searched:
            self._tops.append(real)
            return _Folder(entry.path, real, path, folder.ignores)
        return None

    def _ignored(self, folder: _Folder, file: str, is_folder: bool) -> bool:
        for base, patterns in (self._exclude, *reversed(folder.ignores)):
            if file.startswith(base):
                verdict = patterns.verdict(file[len(base) :].replace(os.sep, "/"), is_folder)
                if verdict is not None:
                    return verdict
        return False


def _generated(name: str) -> bool:
    """Whether a folder of this name was written by a tool: a cache, a build, a checkpoint of a Trainer."""
    return (
        name in _GENERATED
        or name.endswith(".egg-info")
        or (name.startswith("checkpoint-") and name[len("checkpoint-") :].isdigit())
    )


def _ignores_above(top: str) -> tuple[_Ignore, ...]:
    """The patterns of the checkout that a folder lies in, from its root down to the folder's parent."""
    above: list[_Ignore] = []
    for folder in _upward(top):
        if folder != top:
            above[:0] = _ignores(folder, ".gitignore")
        if os.path.exists(os.path.join(folder, ".git")):
            return (*_ignores(folder, ".git/info/exclude"), *above)
    return ()


def _ignores(folder: str, name: str) -> list[_Ignore]:
    try:
        with open(os.path.join(folder, name), "rb") as handle:
            text = handle.read(_PATTERNS_LIMIT).decode("utf-8-sig", "replace")
    except OSError:
        return []
    from cfglint.gitignore import Patterns

    patterns = Patterns(text.split("\n"))
    return [_Ignore(os.path.join(folder, ""), patterns)] if patterns else []


def _upward(start: str) -> Iterator[str]:
    folder = start
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _shown(file: str, cwd: str) -> str:
    """A path from the working folder, with "/"; absolute where there is none (another drive)."""
    try:
        return os.path.relpath(file, cwd).replace(os.sep, "/")
    except ValueError:
        return file.replace(os.sep, "/")

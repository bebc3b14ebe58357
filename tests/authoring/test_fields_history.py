"""Folding releases into a change history, requirements, release lists, and kept sources."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.version import Version

from cfglint.authoring.fields.__main__ import lost_releases
from cfglint.authoring.fields.check import compare
from cfglint.authoring.fields.class_fields import Declared
from cfglint.authoring.fields.extract import snapshot
from cfglint.authoring.fields.history import Snapshot, fold, text
from cfglint.authoring.fields.package_index import PackageIndex, PackageIndexError, ReleasedFile
from cfglint.authoring.fields.releases import release_list
from cfglint.authoring.fields.requirements import Requirements, requirements
from cfglint.authoring.fields.sources import SourceArchive, keep_release, released
from cfglint.authoring.fields.targets import LIBRARIES, Library

LIBRARY = Library(
    "lib", "1.0", ("lib/*.py",), classes=("Config",), enums=("Kind",), functions=("Config.load",)
)


def file(name: str, yanked: bool = False) -> ReleasedFile:
    version = name.split("-")[1].removesuffix(".tar.gz")
    return ReleasedFile(Version(version), name, yanked, "", None)


def test_fold_keeps_only_changes() -> None:
    old, new = {"type": "int", "default": 1}, {"type": "int", "default": 2}
    snapshots = [
        Snapshot(
            "1.0",
            {"C": Declared({"a": old, "b": old}, module="lib.c")},
            {"K": ("x",)},
            Requirements(">=3.8", ("p",)),
        ),
        Snapshot(
            "1.1", {"C": Declared({"a": new}, ("transformers.T",), True, "lib.c")}, {"K": ("x", "y")}, None
        ),
        Snapshot("1.2", {}, {}, Requirements(">=3.9", ("p", "q>=2"))),
        Snapshot(
            "1.3", {"C": Declared({"a": new, "b": old}, module="lib.d")}, {"K": ("y",)}, Requirements("", ())
        ),
    ]
    table = fold("lib", snapshots)
    assert table["releases"] == ["1.0", "1.1", "1.2", "1.3"]
    assert table["python"] == {">=3.8": [0, 0], ">=3.9": [2, 2]}
    assert table["requires"] == {"p": [0, 0, 2, 2], "q>=2": [2, 2]}
    assert table["unstated"] == [1, 1]
    assert table["enums"] == {"K": {'"x"': [0, 1], '"y"': [1, 1, 3, 3]}}
    assert table["rows"] == [old, new]
    assert table["classes"]["C"] == {
        "on": [0, 1, 3, 3],
        "modules": {"lib.c": [0, 1], "lib.d": [3, 3]},
        "bases": {"transformers.T": [1, 1]},
        "open": [1, 1],
        "fields": {"a": [0, 0, 0, 1, 1, 1, 3, 3, 1], "b": [0, 0, 0, 3, 3, 0]},
    }
    assert json.loads(text(table)) == table


def test_requirements_drop_foreign_extras_and_normalise_names() -> None:
    metadata = (
        "Metadata-Version: 2.1\nName: lib\nRequires-Python: >=3.9\n"
        "Requires-Dist: Huggingface_Hub (<1.0,>=0.14.1)\n"
        "Requires-Dist: numpy; platform_system != 'Windows'\n"
        "Requires-Dist: torch>=2.1; extra == 'torch'\n"
        "Requires-Dist: Gadget[two,one]>=1\n"
        "Requires-Dist: pytest; extra == 'torch'\n"
        "Requires-Dist: torch>=2.0; extra == 'docs'\n\nBody\n"
    )
    assert requirements({"METADATA": metadata}, ("torch",)) == Requirements(
        ">=3.9",
        (
            "gadget[one,two]>=1",
            "huggingface-hub<1.0,>=0.14.1",
            'numpy; platform_system != "Windows"',
            'torch>=2.1; extra == "torch"',
        ),
    )


def test_requirements_of_an_old_sdist_come_from_its_list() -> None:
    files = {"METADATA": "Name: lib\n", "lib.egg-info/requires.txt": "torch\nnumpy>=1\n\n[dev]\npytest\n"}
    assert requirements(files) == Requirements("", ("numpy>=1", "torch"))
    assert requirements({"METADATA": "Name: lib\n"}) is None
    assert requirements({}) is None


def test_release_list_is_ordered_and_flags_yanked() -> None:
    files = [
        file("lib-1.10.0.tar.gz"),
        file("lib-1.9.0.tar.gz", yanked=True),
        file("lib-1.8.0.tar.gz", yanked=True),
        file("lib-1.8.0-py3-none-any.whl"),
        file("lib-0.1.tar.gz"),
        file("lib-1.9.1rc1.tar.gz"),
        file("lib-1.9.1.tar.gz"),
        file("lib-1.11.0rc1.tar.gz"),
        file("lib-2.0.0rc0.tar.gz"),
        file("lib-2.0.0.dev1.tar.gz"),
        file("lib-2.0.0.tar.gz"),
        file("lib-2.0.0.post1.tar.gz"),
    ]
    listed = release_list(files, "1.0")
    assert listed.versions == [
        "1.8.0",
        "1.9.0",
        "1.9.1",
        "1.10.0",
        "1.11.0rc1",
        "2.0.0rc0",
        "2.0.0",
        "2.0.0.post1",
    ]
    assert listed.yanked == ["1.9.0"]


class FakeIndex:
    """Serves made-up archives by file name."""

    def __init__(self, archives: dict[str, bytes]) -> None:
        self.archives = archives
        self.saved: list[str] = []

    def save(self, released_file: ReleasedFile, path: Path) -> None:
        self.saved.append(released_file.filename)
        if released_file.filename not in self.archives:
            raise PackageIndexError("status 404")
        path.write_bytes(self.archives[released_file.filename])


def wheel(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sdist(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    return buffer.getvalue()


def test_a_release_is_kept_once_and_without_what_is_not_needed(tmp_path: Path) -> None:
    index = FakeIndex(
        {
            "lib-1.0-py3-none-any.whl": wheel(
                {"lib/c.py": "x=1", "other/o.py": "", "lib-1.0.dist-info/METADATA": "Name: lib"}
            )
        }
    )
    files = [file("lib-1.0.tar.gz"), file("lib-1.0-py3-none-any.whl")]
    path = keep_release(LIBRARY, files, cast(PackageIndex, index), tmp_path)
    assert dict(SourceArchive(path, LIBRARY)) == {"METADATA": "Name: lib", "lib/c.py": "x=1"}
    assert keep_release(LIBRARY, files, cast(PackageIndex, index), tmp_path) == path
    assert index.saved == ["lib-1.0-py3-none-any.whl"]
    assert [left.name for left in path.parent.iterdir()] == ["1.0.zip"]


def test_an_empty_wheel_gives_way_to_the_sdist(tmp_path: Path) -> None:
    index = FakeIndex(
        {
            "lib-1.0-py3-none-any.whl": wheel({"lib-1.0.dist-info/METADATA": "Name: lib"}),
            "lib-1.0.tar.gz": sdist({"lib-1.0/src/lib/c.py": "x=1", "lib-1.0/PKG-INFO": "Name: lib"}),
        }
    )
    files = [file("lib-1.0.tar.gz"), file("lib-1.0-py3-none-any.whl")]
    path = keep_release(LIBRARY, files, cast(PackageIndex, index), tmp_path)
    assert dict(SourceArchive(path, LIBRARY)) == {"METADATA": "Name: lib", "lib/c.py": "x=1"}


def test_a_release_that_cannot_be_had_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    index = FakeIndex({"lib-1.0.tar.gz": b"not an archive"})
    with pytest.raises(
        PackageIndexError, match=r"lib-1\.0-py3-none-any\.whl: status 404; lib-1\.0\.tar\.gz: "
    ):
        keep_release(
            LIBRARY,
            [file("lib-1.0.tar.gz"), file("lib-1.0-py3-none-any.whl")],
            cast(PackageIndex, index),
            tmp_path,
        )
    assert not list((tmp_path / "lib").iterdir())


def test_releases_below_the_floor_are_left_out() -> None:
    assert list(released([file("lib-0.9.tar.gz"), file("lib-1.0.tar.gz")], "1.0")) == ["1.0"]


def test_snapshot_of_a_release() -> None:
    source = (
        "from enum import Enum\n"
        "class Kind(Enum):\n    A = 'a'\n"
        "class Config:\n"
        "    def __init__(self, kind: Kind = Kind.A): ...\n"
        "    def load(self, name='n'): ...\n"
    )
    read = snapshot(LIBRARY, "1.0", {"lib/c.py": source, "METADATA": "Name: lib\nRequires-Dist: torch\n"})
    assert read.classes["Config"].fields == {"kind": {"type": "Kind", "enum": "Kind", "default": "a"}}
    assert read.classes["Config.load"].fields == {"name": {"default": "n"}}
    assert read.enums == {"Kind": ("a",)}
    assert read.requires == Requirements("", ("torch",))


def test_comparison_with_a_running_class() -> None:
    rows: dict[str, dict[str, Any]] = {
        "same": {"default": 1},
        "off": {"default": 1},
        "needed": {"required": True},
        "unknown": {"expr": "f()"},
        "either": {"default": "a", "when": [["torch>=2.8", "b"]]},
        "alias": {},
        "gone": {"default": None},
        "hidden": {"default": 5},
    }
    runtime: dict[str, list[Any]] = {
        "same": ["is", 1],
        "off": ["is", 2],
        "needed": ["required"],
        "unknown": ["is", 3],
        "either": ["is", "b"],
        "new": ["is", 0],
        "hidden": ["holds", 5],
        "inner": ["holds", 0],
    }
    verdicts = {result.field: result.verdict for result in compare("C", rows, runtime)}
    assert verdicts == {
        "same": "same",
        "off": "differs",
        "needed": "same",
        "either": "same",
        "gone": "extra",
        "new": "missing",
        "hidden": "same",
    }


def test_a_table_is_not_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    path = tmp_path / "lib.json"
    assert lost_releases(path, ["1.0"], []) == []
    path.write_text('{"releases": ["0.9", "1.0", "1.1"]}')
    assert lost_releases(path, ["1.0", "1.1", "1.2"], ["1.1", "1.2"]) == ["1.0"]


def test_every_library_can_be_looked_for() -> None:
    for library in LIBRARIES.values():
        assert library.files or not (library.classes or library.functions or library.enums)
        assert len(set(library.classes)) == len(library.classes)

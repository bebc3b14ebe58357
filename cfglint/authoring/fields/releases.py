"""The release table: which versions of each package exist, in PEP 440 order, and which of them were yanked.

Writes ``rules/facts/releases.json`` (package -> versions) and ``rules/facts/yanked.json`` (package ->
versions; each of them stands in the release table too). Run as ``python -m
cfglint.authoring.fields.releases [--out DIR]``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from cfglint.authoring.fields.package_index import ReleasedFile, open_index

# Oldest release to table: about mid-2022 where a package is that old, so that common pins are known.
FLOORS = {
    "accelerate": "0.15",
    "axolotl": "0",
    "bitsandbytes": "0.35",
    "datasets": "2.6",
    "deepspeed": "0.7",
    "flash-attn": "0",
    "huggingface-hub": "0.10",
    "liger-kernel": "0",
    "llamafactory": "0",
    "ms-swift": "0",
    "numpy": "1.21",
    "peft": "0",
    "safetensors": "0.2.5",
    "sentencepiece": "0.1.95",
    "tokenizers": "0.12",
    "torch": "1.11",
    "torchao": "0",
    "torchvision": "0.12",
    "transformers": "4.20",
    "triton": "1.1",
    "trl": "0.2",
    "unsloth": "0",
    "unsloth-zoo": "0",
    "vllm": "0",
    "xformers": "0.0.13",
}


class ReleaseList(NamedTuple):
    """Versions of one package in PEP 440 order, and those of them that its maintainers withdrew."""

    versions: list[str]
    yanked: list[str]


def release_list(files: Iterable[ReleasedFile], floor: str) -> ReleaseList:
    """Stable releases from `floor` on, and the notable pre-releases.

    A pre-release is notable if its final release never came, or if it leads up to a new major version:
    those are the ones that people pin. A release counts as yanked only when every file of it is.
    """
    by_version: dict[Version, list[ReleasedFile]] = {}
    for file in files:
        by_version.setdefault(file.version, []).append(file)
    finals = {version.release for version in by_version if not version.is_prerelease}
    kept = [
        version
        for version in sorted(by_version)
        if version >= Version(floor) and (not version.is_prerelease or _notable(version, finals))
    ]
    yanked = [version for version in kept if all(file.yanked for file in by_version[version])]
    return ReleaseList([str(version) for version in kept], [str(version) for version in yanked])


def _notable(version: Version, finals: set[tuple[int, ...]]) -> bool:
    if version.is_devrelease:
        return False
    major = version.major >= 1 and not any(version.release[1:])
    return major or version.release not in finals


def compact(table: dict[str, list[str]]) -> str:
    """JSON with one package a line: small, and a new release is a one-line diff."""
    lines = [f"{json.dumps(name)}: {json.dumps(versions)}" for name, versions in sorted(table.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """Ask the index for every package of `FLOORS` and write both tables. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cfglint.authoring.fields.releases", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("rules/facts"), help="folder for the two tables")
    out: Path = parser.parse_args(arguments).out
    releases: dict[str, list[str]] = {}
    yanked: dict[str, list[str]] = {}
    with open_index() as index:
        for name, floor in FLOORS.items():
            listed = release_list(index.files(name), floor)
            releases[name] = listed.versions
            if listed.yanked:
                yanked[name] = listed.yanked
            print(f"{name}: {len(listed.versions)} releases, {len(listed.yanked)} yanked", file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    (out / "releases.json").write_text(compact(releases), encoding="utf-8")
    (out / "yanked.json").write_text(compact(yanked), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compares the field tables with the classes that an environment really has, imported there.

``python -m cfglint.authoring.fields check --python ENV/bin/python`` asks that interpreter (which needs
nothing of cfglint) for the versions it holds and the defaults it sees, and prints what differs and the
share that agrees.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cfglint.authoring.fields.targets import LIBRARIES
from cfglint.resolve import fieldtable

_SKIPPED = {"unsloth", "unsloth-zoo"}


class Comparison(NamedTuple):
    """How one field of one class compares: `verdict` is ``same``, ``differs``, ``missing`` or ``extra``."""

    cls: str
    field: str
    verdict: str
    table: Any
    runtime: Any


def compare(
    cls: str, rows: Mapping[str, Mapping[str, Any]], runtime: Mapping[str, list[Any]]
) -> Iterator[Comparison]:
    """Every field of a class by table and by runtime. Defaults that either cannot state are left out.

    What an object holds beside its arguments counts only where the table has a setting of that name.
    """
    for name in sorted({*rows, *runtime}):
        row, real = rows.get(name), runtime.get(name)
        if row is None:
            if real and real[0] != "holds":
                yield Comparison(cls, name, "missing", None, real)
            continue
        stated = _stated(row)
        if stated is None or (real and real[0] == "opaque"):
            continue
        if real is None:
            yield Comparison(cls, name, "extra", row, None)
        elif real[0] == "holds":
            yield Comparison(cls, name, "same" if ["is", real[1]] in stated else "differs", row, real)
        else:
            yield Comparison(cls, name, "same" if real in stated else "differs", row, real)


def _stated(row: Mapping[str, Any]) -> list[list[Any]] | None:
    if row.get("required"):
        return [["required"]]
    if "default" not in row:
        return None
    return [["is", row["default"]], *(["is", default] for _condition, default in row.get("when", ()))]


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 if every default agrees, 1 if some differ, 2 if nothing could be compared."""
    parser = argparse.ArgumentParser(prog="python -m cfglint.authoring.fields check", description=__doc__)
    parser.add_argument(
        "libraries", nargs="*", metavar="LIB", help="default: every library the environment holds"
    )
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="interpreter to compare with"
    )
    options = parser.parse_args(arguments)
    wanted = options.libraries or [name for name in LIBRARIES if name not in _SKIPPED]
    versions = _installed(options.python)
    tabled = {name: versions[name] for name in wanted if name in versions}
    request = {name: _modules(name, version) for name, version in tabled.items()}
    compared = same = 0
    for library, answer in _ask(options.python, request).items():
        results = [
            result
            for cls, runtime in answer["classes"].items()
            for result in compare(cls, fieldtable.inherited_fields(library, cls, versions)[0], runtime)
        ]
        agreeing = sum(result.verdict == "same" for result in results)
        print(f"{library} {answer['version']}: {agreeing} of {len(results)} agree")
        for cls, field, verdict, table, runtime in results:
            if verdict != "same":
                print(f"  {cls}.{field} {verdict}: table {table}, runtime {runtime}")
        compared, same = compared + len(results), same + agreeing
    if not compared:
        return 2
    print(f"all: {same} of {compared} agree ({same / compared:.2%})")
    return 0 if same == compared else 1


def _installed(python: Path) -> dict[str, str]:
    """Versions of the tabled libraries in an environment, as far as the tables have those releases."""
    names = [name for name in LIBRARIES if name not in _SKIPPED]
    answer = _ask(python, {name: {} for name in names})
    found = {}
    for name, part in answer.items():
        try:
            fieldtable.position(name, part["version"])
        except fieldtable.UntabledError:
            print(f"{name} {part['version']}: not in the table", file=sys.stderr)
        else:
            found[name] = str(part["version"])
    return found


def _modules(library: str, version: str) -> dict[str, str]:
    """Classes of a release by the module that defines them (functions are left out)."""
    placed = {cls: fieldtable.module_of(library, cls, version) for cls in LIBRARIES[library].classes}
    return {cls: module for cls, module in placed.items() if module}


def _ask(python: Path, request: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    worker = Path(__file__).with_name("defaults_worker.py")
    ran = subprocess.run(
        [str(python), str(worker)], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{python} could not answer:\n{ran.stderr[-2000:]}")
    sys.stderr.write(
        "".join(f"{line}\n" for line in ran.stderr.splitlines() if line.startswith(tuple(LIBRARIES)))
    )
    # Libraries print on import; the answer is the last line.
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    sys.exit(main())

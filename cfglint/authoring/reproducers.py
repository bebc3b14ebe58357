"""The rules about reproducers: that they can be planned, and that their pins are what the advisory says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfglint.engine.made_up import holds
from cfglint.engine.ruleset import RuleSet
from cfglint.packages.versions import releases
from cfglint.verify.detectors import DETECTORS
from cfglint.verify.plan import Options
from cfglint.verify.reproducer import reproducer
from cfglint.verify.spec import Verdict


def lint_reproducers(rules: RuleSet) -> list[str]:
    """Every problem of every `verify: {versions: …}` as a line "name: what is wrong"."""
    return [
        f"{name}: {problem}"
        for name, rule in sorted(rules.cold.items())
        if (rule["verify"] or {}).get("versions")
        for problem in _problems(name, rules)
    ]


def _problems(name: str, rules: RuleSet) -> Iterator[str]:
    block = rules.cold[name]["verify"]
    versions = block["versions"]
    if block.get("detector", "") not in DETECTORS:
        yield "a reproducer names the detector that sees its symptom"
        return
    made = reproducer(name, rules.cold[name], Options())
    if isinstance(made, Verdict):
        yield f"its reproducer can't be planned: {made.reason}"
        return
    fields = versions.get("run") or {}
    if holds(name, fields, made.affected, rules) is False:
        yield f"its reproducer calls affected what the advisory does not speak of: {_text(made.affected)}"
    if holds(name, fields, made.fixed, rules) is not False:
        yield f"its reproducer calls fixed what the advisory speaks of: {_text(made.fixed)}"
    for pins in (made.affected, made.fixed):
        for package, version in pins.items():
            if releases(package) and version not in releases(package):
                yield f"its reproducer pins {package} {version}, which is no release"


def _text(pins: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in pins.items())

"""A new rule file from a template that already passes the schema."""

from __future__ import annotations

import re
from pathlib import Path

from cfglint import __version__
from cfglint.engine.ruleset import RuleSet
from cfglint.rules_dir import rules_dir

_TEMPLATE = """\
name: {name}
code: {code}
summary: what the pattern is, in one line
status: preview
since: {version}
severity: warning
confidence: medium
symptom: [silent_wrong_output]
when: training.group_by_length and data.streaming
report:
  at: [training.group_by_length]
  message: "say what is set and what will be seen"
why: Say in two or three sentences what happens, where in the library, and why the log does not tell.
false_positives: say when a finding would be wrong
fix:
  title: say the smallest change that repairs it
evidence:
  - {{type: report, url: "https://example.org/thread", says: "what was seen"}}
examples:
  - title: the pattern
    bad:
      train.yaml: |
        model_name_or_path: Qwen/Qwen2.5-7B
        finetuning_type: lora
        streaming: true
        group_by_length: true  # cfglint-expect: {name}
  - title: a healthy look-alike
    good:
      train.yaml: |
        model_name_or_path: Qwen/Qwen2.5-7B
        finetuning_type: lora
        group_by_length: true
"""


class NewRuleError(ValueError):
    """A rule cannot be created under this name; the message says why."""


def create_rule(where: str, folder: str | None, rules: RuleSet) -> Path:
    """Write the template for AREA/NAME with the area's next free code; raises NewRuleError."""
    area, _, name = where.strip("/").rpartition("/")
    if not area or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise NewRuleError(
            f"{where!r}: expected AREA/NAME with a kebab-case name, such as lora/rank-too-high"
        )
    if name in rules.cold:
        raise NewRuleError(f"a rule named {name!r} exists already")
    path = Path(folder or rules_dir()) / area / f"{name}.yaml"
    if path.exists():
        raise NewRuleError(f"{path} exists already")
    prefixes = [cold["code"][:3] for cold in rules.cold.values() if cold["area"] == area]
    prefix = max(set(prefixes), key=prefixes.count) if prefixes else "USR"
    numbers = [int(cold["code"][3:]) for cold in rules.cold.values() if cold["code"].startswith(prefix)]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.format(name=name, code=f"{prefix}{max(numbers, default=0) + 1:03}", version=__version__)
    path.write_text(text, encoding="utf-8")
    return path

"""The compiled rules: loaded from the package, or compiled into the user's cache where ``rules/`` changed.

The hot table is what linting needs; the cold one (why, messages, evidence, examples) is read once something fired.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from cfglint.resolve.vocabulary import Vocabulary
from cfglint.rules_dir import rules_dir


class RulesError(Exception):
    """The rules cannot be loaded; the message says which file and why."""


class RuleSet:
    """All compiled rules with the vocabulary they speak."""

    def __init__(self, hot: dict[str, Any], cold_source: str | dict[str, Any]) -> None:
        self.rules: list[dict[str, Any]] = hot["rules"]
        self.vocabulary = Vocabulary(hot)
        self._cold: dict[str, Any] | None = cold_source if isinstance(cold_source, dict) else None
        self._cold_file = cold_source if isinstance(cold_source, str) else ""
        self._cold_text = ""
        self._by_place: dict[str, list[dict[str, Any]]] | None = None
        self._tables: dict[str, dict[str, dict[str, Any]]] = {}
        self._cases: dict[str, list[dict[str, Any]]] = {}

    @property
    def cold(self) -> dict[str, Any]:
        """By rule name: message, why, fix, evidence and the rest that only a finding needs."""
        if self._cold is None:
            with open(self._cold_file, encoding="utf-8") as handle:
                self._cold = json.load(handle)
        return self._cold

    def details(self, name: str) -> dict[str, Any]:
        """What a finding of one rule needs: its line of the cold table, found without decoding the others."""
        if self._cold is not None:
            found: dict[str, Any] = self._cold[name]
            return found
        if not self._cold_text:
            with open(self._cold_file, encoding="utf-8") as handle:
                self._cold_text = handle.read()
        mark = f'\n"{name}":'
        start = self._cold_text.index(mark) + len(mark)
        found = json.loads(self._cold_text[start : self._cold_text.index("\n", start)].rstrip(","))
        return found

    @property
    def by_place(self) -> dict[str, list[dict[str, Any]]]:
        """Rules by the fields that they may report at: a rule whose places a run lacks need not be looked at."""
        if self._by_place is None:
            self._by_place = {}
            for rule in self.rules:
                for place in rule["at"]:
                    self._by_place.setdefault(place, []).append(rule)
        return self._by_place

    def cases(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        """A rule's cases, each a rule with a condition and places of its own; the rule itself if it has none."""
        if not rule["cases"]:
            return [rule]
        found = self._cases.get(rule["name"])
        if found is None:
            found = self._cases[rule["name"]] = [{**rule, **case} for case in rule["cases"]]
        return found

    def table(self, name: str) -> dict[str, dict[str, Any]]:
        """A fact table for ``lookup``: rules/facts/NAME.json, by row key."""
        found = self._tables.get(name)
        if found is None:
            with open(os.path.join(rules_dir(), "facts", name + ".json"), encoding="utf-8") as handle:
                found = self._tables[name] = json.load(handle)
        return found


@lru_cache(maxsize=4)
def load_rules(user_folders: tuple[str, ...] = ()) -> RuleSet:
    """The built-in rules and those of user folders, read once in a process.

    Raises RulesError where a rule file does not hold.
    """
    folder = rules_dir()
    packaged = os.path.join(folder, "compiled.json")
    if not user_folders and os.path.isfile(packaged):
        return _load(packaged, os.path.join(folder, "cold.json"))
    cache = _cache_folder(_digest([folder, *user_folders]))
    hot, cold = os.path.join(cache, "compiled.json"), os.path.join(cache, "cold.json")
    if not (os.path.isfile(hot) and os.path.isfile(cold)):
        compiled = _compile(folder, user_folders)
        if not _store(cache, compiled):
            return RuleSet(compiled[0], compiled[1])
    return _load(hot, cold)


def _load(hot: str, cold: str) -> RuleSet:
    try:
        with open(hot, encoding="utf-8") as handle:
            return RuleSet(json.load(handle), cold)
    except (OSError, ValueError) as error:
        raise RulesError(f"the compiled rules cannot be read: {error}") from error


def _compile(folder: str, user_folders: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    from pathlib import Path

    from cfglint.authoring.compile import RuleError, compile_rules

    try:
        return compile_rules(Path(folder), [Path(user) for user in user_folders])
    except RuleError as error:
        raise RulesError(str(error)) from error


def _store(cache: str, compiled: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    """Write both tables atomically; False where the cache cannot be written, which only costs time."""
    try:
        os.makedirs(cache, exist_ok=True)
        for name, text in written(*compiled).items():
            temporary = os.path.join(cache, f"{name}.{os.getpid()}")
            with open(temporary, "w", encoding="utf-8") as handle:
                handle.write(text)
            os.replace(temporary, os.path.join(cache, name))
    except OSError:
        return False
    return True


def written(hot: dict[str, Any], cold: dict[str, Any]) -> dict[str, str]:
    """Both tables as the texts of their files; the cold one has a line for each rule."""
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(cold[name], separators=(',', ':'))}" for name in cold)
    return {"cold.json": "{\n" + lines + "\n}\n", "compiled.json": json.dumps(hot, separators=(",", ":"))}


def _cache_folder(digest: str) -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "cfglint", "rules", digest)


def _digest(folders: list[str]) -> str:
    """A name for the content of rule folders and of the code that compiles them.

    Names, sizes and times stand for the content: reading every file would cost more than linting one config.
    """
    from hashlib import blake2b

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    summary = blake2b(digest_size=16)
    for folder in [*folders, os.path.join(package, "authoring")]:
        for root, folders_below, files in os.walk(folder):
            folders_below.sort()
            for name in sorted(files):
                if name.endswith((".yaml", ".json", ".py")) and "fields" not in os.path.basename(root):
                    status = os.stat(os.path.join(root, name))
                    summary.update(f"{root}/{name}:{status.st_size}:{status.st_mtime_ns};".encode())
    return summary.hexdigest()

"""What conditions may ask about one run: fields as stated, derived or by default, with what was read and missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cfglint.engine.evaluate import UNKNOWN, UNSET, evaluate, truth
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, NOT_SET, Value, unknown
from cfglint.model.value import UNSET as STATE_UNSET

#: Loads a fact table for ``lookup``: table name -> row key -> columns.
Tables = Callable[[str], dict[str, dict[str, Any]]]


class Facts:
    """What conditions may ask about one run: fields (with derived ones and defaults), packages, steps, tables.

    ``newest`` judges every range by the newest release it admits, for the "possibly" findings of a range.
    ``missing`` collects what an undecided condition lacked, ``weak`` whether a replaceable default was read.
    """

    __slots__ = ("derived", "missing", "newest", "read", "run", "tables", "values", "weak", "working")

    def __init__(self, run: Run, derived: dict[str, Any], tables: Tables, newest: bool = False) -> None:
        self.run = run
        self.derived = derived
        self.tables = tables
        self.newest = newest
        self.values: dict[str, Value] = {}
        self.working: set[str] = set()
        self.missing: list[str] = []
        self.read: list[str] = []
        self.weak = False

    def value(self, field: str) -> Value:
        """A field's value: as stated, else derived, else the default, else Unset or Unknown."""
        value = self.values.get(field)
        if value is None:
            value = self.values[field] = self.find(field)
        return value

    def find(self, field: str) -> Value:
        stated = self.run.fields.get(field)
        if stated is not None and stated.state != STATE_UNSET:
            return stated
        ir = self.derived.get(field)
        if ir is not None:
            if field in self.working:
                return unknown(f"{field} is derived from itself")
            self.working.add(field)
            outer, self.read = self.read, []
            outer_weak, self.weak = self.weak, False
            result = evaluate(ir, self)
            places = [self.value(name).place for name in self.read if self.value(name).place]
            weak = self.weak
            self.read, self.weak = outer, outer_weak
            self.working.discard(field)
            if result is UNKNOWN:
                return unknown("derived from values that are not known")
            if result is not UNSET:
                return Value(KNOWN, result, places[0] if places else None, "derived", weak=weak)
        absent = self.run.absent(field)
        rows = self.run.default_rows.get(field)
        return self.default(rows) if rows and absent.state == STATE_UNSET else absent

    def default(self, rows: list[list[Any]]) -> Value:
        """The default that holds for the versions of this run."""
        outer, self.read = self.read, []
        try:
            for condition, value in rows:
                holds = True if condition is None else truth(condition, self)
                if holds is None:
                    return unknown("the default differs between versions")
                if holds:
                    return Value(KNOWN, value, None, "default")
        finally:
            self.read = outer
        return NOT_SET

    def get(self, field: str) -> Any:
        """A field as the interpreter sees it, noting what was read and what was missing."""
        value = self.value(field)
        self.read.append(field)
        if value.state == KNOWN:
            if value.weak:
                self.weak = True
            return value.value
        if value.state == STATE_UNSET:
            return UNSET
        self.missing.append(field)
        return UNKNOWN

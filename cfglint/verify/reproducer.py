"""An advisory's own reproducer: the experiment of its rule file's `verify: {versions: …}`, which needs no user's
files. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cfglint.packages.versions import admitted, releases
from cfglint.verify.plan import NO_TRAINER, Options, plan
from cfglint.verify.spec import Experiment, Verdict, could_not_run

# How many releases before the first affected one, and after the last, a table goes.
MARGIN = 2

Pins = Mapping[str, str]
# Whether the advisory speaks of these releases; None where it leaves that open.
Says = Callable[[Pins], "bool | None"]


class Reproducer(NamedTuple):
    """An advisory's experiment and the two environments that it compares, each with all its pins."""

    experiment: Experiment
    affected: Pins
    fixed: Pins

    @property
    def varied(self) -> tuple[str, ...]:
        """The packages whose releases differ between the two."""
        names = [*self.affected, *(name for name in self.fixed if name not in self.affected)]
        return tuple(name for name in names if self.affected.get(name) != self.fixed.get(name))


def reproducer(name: str, rule: Mapping[str, Any], options: Options) -> Reproducer | Verdict:
    """The reproducer of a rule (a row of the cold table), or why there is none to run."""
    block = rule["verify"] or {}
    versions = block.get("versions")
    if versions is None:
        return could_not_run(name, str(block.get("not_verifiable") or "the rule file has no reproducer"))
    finding = {"rule": name, **{key: rule[key] for key in ("symptom", "fields", "condition")}}
    made = plan(finding, versions.get("run") or {}, block, options=options)
    if isinstance(made, Verdict):
        return made
    shared = versions.get("with") or {}
    return Reproducer(made, {**versions["affected"], **shared}, {**versions["fixed"], **shared})


def around(package: str, pins: Pins, fixed: Pins, says: Says) -> list[str]:
    """The tabled releases of a package from shortly before those that an advisory speaks of to shortly after.

    `pins` are the affected ones, `fixed` those that are not. Where the advisory has no first or last release, the
    pinned ones bound the list.
    """
    known = admitted(package, "") or releases(package)
    spoken = [number for number, each in enumerate(known) if says({**pins, package: each}) is not False]
    if not spoken:
        return [version for version in known if version in (pins.get(package), fixed.get(package))]
    tried = [known.index(each[package]) for each in (pins, fixed) if each.get(package) in known]
    affected = known.index(pins[package]) if pins.get(package) in known else spoken[0]
    first = (spoken[0] or affected) - MARGIN
    last = (spoken[-1] if spoken[-1] < len(known) - 1 else affected) + MARGIN
    return list(known[max(0, min([first, *tried])) : max([last, *tried]) + 1])


def chosen(package: str, specifier: str) -> list[str]:
    """The tabled releases of a package that a specifier admits."""
    return list(admitted(package, specifier))


def needed(experiment: Experiment) -> Sequence[str]:
    """The packages without which the experiment can't run, whatever release they have."""
    fields = {field for arm in experiment.arms for field in arm.settings}
    names = [] if experiment.trainer == NO_TRAINER else ["transformers", "accelerate"]
    names += ["peft"] if any(field.startswith("lora.") for field in fields) else []
    names += ["trl", "datasets"] if experiment.trainer not in (NO_TRAINER, "trainer") else []
    names += ["bitsandbytes"] if any(field.startswith("quantization.load_in") for field in fields) else []
    return names

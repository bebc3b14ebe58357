"""Findings in, verdicts out: plans, runs what is not in the cache in one worker, and judges. No torch."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from cfglint.verify import cache
from cfglint.verify.judge import judge
from cfglint.verify.runner import Notice, WorkerError, environment_of, run
from cfglint.verify.spec import COULD_NOT_RUN, DEEPSPEED, ArmResult, Experiment, Verdict, could_not_run

# What the experiment always needs, as the environment names it.
REQUIRED = ("torch", "transformers", "accelerate")


def verify(
    plans: Sequence[Experiment | Verdict],
    python: str,
    jobs: int = 2,
    use_cache: bool = True,
    repeat: Callable[[str], str] | None = None,
    on_notice: Callable[[Notice], None] | None = None,
) -> list[tuple[Verdict, Sequence[ArmResult]]]:
    """The verdict for each plan, in order, with the arm results behind it (none for a refused one).

    `repeat` makes the command that repeats a rule's experiment. Only verdicts of experiments that ran are
    cached.
    """
    wanted = [(number, plan) for number, plan in enumerate(plans) if isinstance(plan, Experiment)]
    found: dict[int, tuple[Verdict, Sequence[ArmResult]]] = {
        number: (plan, ()) for number, plan in enumerate(plans) if isinstance(plan, Verdict)
    }
    command = repeat or (
        lambda rule: f"cfglint --verify --only {shlex.quote(rule)} --python {shlex.quote(python)}"
    )
    if wanted:
        try:
            found.update(_run(wanted, python, jobs, use_cache, on_notice))
        except WorkerError as error:
            found.update({number: (could_not_run(plan.rule, str(error)), ()) for number, plan in wanted})
    return [
        (found[number][0]._replace(repeat=command(found[number][0].rule)), found[number][1])
        for number in range(len(plans))
    ]


def training_environment(python: str) -> dict[str, str]:
    """What `python` has installed. Raises WorkerError where an experiment could not even start."""
    environment = environment_of(python)
    missing = [name for name in REQUIRED if name not in environment]
    if missing:
        raise WorkerError(f"missing package: {', '.join(missing)} is not installed for {python}")
    return environment


def missing_engine(experiment: Experiment, environment: Mapping[str, str]) -> str:
    """Why the environment can't train with the experiment's engine; empty where it can."""
    if experiment.engine == DEEPSPEED and "deepspeed" not in environment:
        return "missing package: deepspeed is not installed"
    return ""


def other_releases(experiment: Experiment, environment: Mapping[str, str]) -> str:
    """Why the environment is not the one that a finding about versions is about; empty where it is, or may
    be.
    """
    for name, wanted in experiment.packages.items():
        installed = environment.get(name)
        if installed is None or not _excludes(wanted, installed):
            continue
        return (
            f"the finding is about {name} {wanted}, and {installed} is installed: needs a version experiment"
        )
    return ""


def _excludes(wanted: str, installed: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    plain = [f"=={version.strip()}" for version in wanted.split(" or ")] if wanted[:1].isdigit() else [wanted]
    try:
        return not any(SpecifierSet(text).contains(installed, prereleases=True) for text in plain)
    except InvalidSpecifier:
        return False


def _run(
    wanted: Sequence[tuple[int, Experiment]],
    python: str,
    jobs: int,
    use_cache: bool,
    on_notice: Callable[[Notice], None] | None,
) -> dict[int, tuple[Verdict, Sequence[ArmResult]]]:
    environment = training_environment(python)
    found: dict[int, tuple[Verdict, Sequence[ArmResult]]] = {}
    left = []
    for number, experiment in wanted:
        # A checkpoint may change under its name.
        cached = use_cache and experiment.weights is None
        known = cache.load(cache.key(experiment, environment)) if cached else None
        if known is None:
            left.append((number, experiment))
        else:
            found[number] = known
        lacking = missing_engine(experiment, environment) or other_releases(experiment, environment)
        if known is None and lacking:
            left.pop()
            found[number] = (could_not_run(experiment.rule, lacking), ())
    if left:
        results = run([experiment for _number, experiment in left], python, jobs, on_notice)
        for (number, experiment), of_arms in zip(left, results, strict=True):
            verdict = judge(experiment, of_arms)._replace(environment=environment)
            if verdict.outcome != COULD_NOT_RUN and experiment.weights is None:
                cache.store(cache.key(experiment, environment), verdict, of_arms)
            found[number] = (verdict, of_arms)
    return found

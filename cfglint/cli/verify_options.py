"""The options of experiments, the same for ``cfglint --verify`` and ``cfglint verify``."""

from __future__ import annotations

import sys
from functools import partial

import click
from click.core import ParameterSource

from cfglint.cli.options import PAGE, together

#: What is not said to repeat an experiment.
DEFAULTS = {"seeds": 3, "timeout": 60.0, "memory": 4096, "jobs": 2, "device": "cpu"}
#: What a written plan leaves open to the command that runs a cell, and to the one that joins all.
OF_A_CELL = {"paths", "verify", "plan_only", "cell", "python", "jobs", "output_format", "color"}
OF_COLLECTING = {"paths", "verify", "plan_only", "collect", "output_format", "outputs", "fail_on", "color"}


class ExperimentOption(click.Option):
    """An option that only experiments have."""


_option = partial(click.option, cls=ExperimentOption)
VERIFYING = together(
    _option(
        "--plan",
        "plan_only",
        is_flag=True,
        help="Show what would run, how long, and what cannot and why; run nothing. --output json=FILE writes the plan.",
    ),
    _option(
        "--cell",
        type=click.IntRange(1),
        metavar="N",
        help="With --plan FILE: run the plan's cell N and keep its result beside the plan.",
    ),
    _option("--collect", is_flag=True, help="With --plan FILE: join the results of all cells."),
    _option("--only", multiple=True, metavar="RULE", help="Verify only the findings of these rules."),
    _option(
        "--seeds",
        type=click.IntRange(1, 32),
        default=DEFAULTS["seeds"],
        show_default=True,
        help="Repeat each arm with so many seeds.",
    ),
    _option(
        "--steps",
        type=click.IntRange(1, 1000),
        help="Training steps of an arm (default: what the probe needs).",
    ),
    _option(
        "--timeout",
        type=click.FloatRange(1),
        default=DEFAULTS["timeout"],
        show_default=True,
        metavar="SECONDS",
        help="Time that one arm may take.",
    ),
    _option(
        "--memory",
        type=click.IntRange(256),
        default=DEFAULTS["memory"],
        show_default=True,
        metavar="MB",
        help="Memory that one arm may take.",
    ),
    _option(
        "--jobs",
        type=click.IntRange(1, 64),
        default=DEFAULTS["jobs"],
        show_default=True,
        help="So many arms at once.",
    ),
    _option(
        "--weights",
        metavar="PATH",
        type=click.Path(exists=True),
        help="Train this checkpoint (safetensors) and no tiny random model.",
    ),
    _option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default=DEFAULTS["device"],
        show_default=True,
        help="Where to train.",
    ),
    _option(
        "--python",
        metavar="PATH",
        default=sys.executable,
        help="The interpreter of the training environment.",
    ),
    _option(
        "--versions",
        is_flag=True,
        help="For findings about releases: build throw-away environments with the pinned and the fixed release.",
    ),
    _option("--no-cache", is_flag=True, help="Run again what has a stored verdict."),
)
ADVISORY = together(
    click.option(
        "--advisory",
        multiple=True,
        metavar="NAME",
        help="Run this advisory's own reproducer in an affected and a fixed release (all: every one that has one).",
    ),
    click.option("--bisect", is_flag=True, help="With --advisory: in every release around its bounds."),
    click.option(
        "--releases", metavar="SPECIFIER", help="With --advisory: in the tabled releases that this admits."
    ),
)


class Experimenting(click.Command):
    """A command that runs experiments: of a plan's cell it takes only what the plan does not say."""

    def invoke(self, ctx: click.Context) -> object:
        asked = [f"--{name}" for name in ("cell", "collect") if ctx.params[name]]
        if asked and not ctx.params["plan_only"]:
            raise click.UsageError(f"{asked[0]} belongs to a written plan: --plan FILE {asked[0]} …", ctx)
        if len(asked) > 1:
            raise click.UsageError("--cell runs one cell and --collect joins all: one after the other", ctx)
        if asked and len(ctx.params["paths"]) != 1:
            raise click.UsageError(f"--plan {asked[0]} takes one plan file", ctx)
        open_to_say = OF_A_CELL if ctx.params["cell"] else OF_COLLECTING
        for option in self.params if asked else ():
            if _given(ctx, option) and option.name not in open_to_say:
                raise click.UsageError(f"{option.opts[0]} cannot be said with {asked[0]}", ctx)
        return super().invoke(ctx)


class WithExperiments(Experimenting):
    """A command with ``--verify``: it shows these options in a section of their own, and refuses them without it."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Options of --verify": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                own = isinstance(parameter, ExperimentOption)
                sections["Options of --verify" if own else "Options"].append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> object:
        if ctx.params["verify"] and (ctx.params["fix"] or ctx.params["diff"]):
            raise click.UsageError(
                "--verify proves findings and --fix repairs them: one after the other", ctx
            )
        if not ctx.params["verify"]:
            for parameter in self.params:
                if isinstance(parameter, ExperimentOption) and _given(ctx, parameter):
                    raise click.UsageError(f"{parameter.opts[0]} belongs to experiments: add --verify", ctx)
            if any(chosen == PAGE for chosen, _path in ctx.params["outputs"]):
                raise click.UsageError(f"--output {PAGE}= shows experiments: add --verify", ctx)
        return super().invoke(ctx)


def _given(ctx: click.Context, parameter: click.Parameter) -> bool:
    return ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE

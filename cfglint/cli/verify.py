"""``cfglint verify PATHS``, the long form of ``cfglint --verify``: prove findings with a few training steps."""

from __future__ import annotations

import sys
from typing import Any

import click

from cfglint.cli import options
from cfglint.cli.verify_options import ADVISORY, VERIFYING, Experimenting


@click.command("verify", cls=Experimenting)
@click.argument("paths", nargs=-1, type=click.Path())
@VERIFYING
@ADVISORY
@options.LINTING
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Prove findings: train a tiny model as configured, as fixed and as a healthy control, and look for the symptom.

    The same as cfglint --verify. Needs torch, transformers and accelerate in the chosen environment (pip install
    'llm-cfglint[verify]').
    """
    from cfglint.cli.verify_versions import refuse_misuse, verify_advisories

    refuse_misuse(paths, given)
    if given["advisory"]:
        sys.exit(verify_advisories(given))
    from cfglint.cli.checking import check

    sys.exit(check(paths, {**given, "verify": True}))

"""``python -m cfglint``."""

from cfglint.cli import run

run()

"""Where the rules and fact tables lie: inside an installed package, or beside the package in a checkout."""

from __future__ import annotations

import os


def rules_dir() -> str:
    """The absolute path of the rules folder; it may not exist in a broken installation."""
    package = os.path.dirname(os.path.abspath(__file__))
    packaged = os.path.join(package, "_rules")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), "rules")

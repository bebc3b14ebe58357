"""`python PATH/TO/worker EXPERIMENTS.json RESULTS.jsonl`: run as a folder, without cfglint being installed.

The folder is loaded as a package of its own name instead of through `sys.path`, so that its modules can't
shadow the environment's.
"""

from __future__ import annotations

import importlib.util
import os
import sys

PACKAGE = "cfglint_verify_worker"


def _load_package() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError("the worker's files are incomplete")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    # The folder itself stands first on the path of a folder that is run; its module names are not for others.
    sys.path.pop(0)
    _load_package()
    sys.exit(importlib.import_module(PACKAGE + ".zygote").main(sys.argv[1:]))

"""Asks the real constructors. Runs in an environment that has the libraries and nothing of cfglint's.

Reads one JSON line ``{"form", "module", "cls"}``, then one configuration a line; answers each with one line:
``null`` if it was taken, else ``["ValueError", "the message"]``.
"""

import contextlib
import fcntl
import functools
import importlib
import io
import json
import logging
import os
import sys
import warnings


def real(value):
    """A value of a configuration, with named objects looked up."""
    if isinstance(value, dict):
        if set(value) == {"__name__"}:
            module, *names = value["__name__"].split(".")
            return functools.reduce(getattr, names, importlib.import_module(module))
        return {key: real(inner) for key, inner in value.items()}
    return [real(inner) for inner in value] if isinstance(value, list) else value


def constructor(ask):
    """A function that takes one configuration, as the tool itself would."""
    loaded = importlib.import_module(ask["module"])
    target = getattr(loaded, ask["cls"])
    if ask["form"] == "call":
        return lambda settings: target(**settings)
    if ask["form"] == "axolotl":
        return axolotl(loaded)
    if ask["form"] == "llamafactory":
        # What is installed is no matter of the settings; neither is whether this machine's GPU has bfloat16.
        loaded._check_extra_dependencies = lambda *_: None
        loaded.is_torch_bf16_gpu_available = lambda: True
        return target
    return lambda settings: target(trained(settings))


def trained(settings):
    """A DeepSpeed file as the Trainer hands it on: what is "auto" follows from the others, or is off."""
    sizes = ("train_batch_size", "train_micro_batch_size_per_gpu")
    whole = {
        key: value
        for key, value in settings.items()
        if not (key in (*sizes, "gradient_accumulation_steps") and value == "auto")
    }
    for name in ("fp16", "bf16"):
        if isinstance(whole.get(name), dict) and whole[name].get("enabled") == "auto":
            whole[name] = {**whole[name], "enabled": False}
    if any(settings.get(key) == "auto" for key in sizes) and not any(key in whole for key in sizes):
        whole[sizes[1]] = 1
    return whole


def axolotl(loaded):
    """As axolotl.cli.config.load_cfg validates, on a machine with one H100."""
    import importlib.machinery
    import types

    import torch
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas import config as schema

    # Packages that a setting asks for: whether they are installed is no matter of the settings.
    schema.is_fp8_available = lambda: True
    absent = types.ModuleType("mistral_common")
    absent.__spec__ = importlib.machinery.ModuleSpec("mistral_common", None)
    sys.modules.setdefault("mistral_common", absent)
    gpu = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "compute_capability": "sm_90"}
    environment = {"torch_version": str(torch.__version__).split("+", maxsplit=1)[0]}
    return lambda settings: loaded.validate_config(DictDefault(settings), dict(gpu), dict(environment))


def main():
    lines = sys.stdin.read().splitlines()
    # What libraries print would mix with the answers; a number given for a file name opens that descriptor.
    answers = os.fdopen(fcntl.fcntl(1, fcntl.F_DUPFD, 200), "w")
    sys.stdout = io.StringIO()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ.update(DISABLE_VERSION_CHECK="1", AXOLOTL_DO_NOT_TRACK="1")
    construct = constructor(json.loads(lines[0]))
    surroundings = dict(os.environ)
    for line in lines[1:]:
        # Some arguments are handed on through the environment, and would reach the next configuration.
        os.environ.clear()
        os.environ.update(surroundings)
        sys.stdout.seek(0)
        sys.stdout.truncate()
        try:
            with contextlib.redirect_stderr(sys.stdout):
                construct(real(json.loads(line)))
            answer = None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            answer = [type(error).__name__, str(error)]
        answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()

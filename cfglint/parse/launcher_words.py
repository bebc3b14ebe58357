"""Words of the launchers' command lines: wrappers, flags without a value, modules that are launchers."""

from __future__ import annotations

import re

# fmt: off
#: Commands that run the rest of their line, after options of their own.
WRAPPERS = frozenset(
    {
        "env", "nohup", "time", "exec", "sudo", "command", "stdbuf", "nice", "ionice", "timeout", "srun",
        "uv", "poetry", "pdm", "pipenv", "hatch", "pixi", "rye", "conda", "mamba", "micromamba", "mpirun",
        "mpiexec", "numactl", "ray", "uvx", "pipx", "xvfb-run", "setsid", "taskset", "ts", "docker",
        "singularity", "apptainer", "eval", "nsys", "bash", "sh", "salloc", "horovodrun", "unbuffer",
        "wandb",
    }
)

#: Launchers that start a script: their flags that take no value (accelerate 1.x, torch 2.x, deepspeed 0.1x).
SCRIPT_LAUNCHERS: dict[str, frozenset[str]] = {
    "accelerate launch": frozenset(
        {
            "quiet", "q", "multi_gpu", "multi-gpu", "cpu", "tpu", "debug", "use_deepspeed", "use-deepspeed",
            "use_fsdp", "use-fsdp", "use_megatron_lm", "use-megatron-lm", "use_xpu", "no_python", "no-python",
            "module", "m", "ipex", "use_parallelism_config", "same_network", "same-network",
            "dynamo_use_fullgraph", "dynamo_use_dynamic", "dynamo_use_regional_compilation",
            "enable_cpu_affinity", "enable-cpu-affinity", "tpu_use_cluster", "tpu_use_sudo", "no_tpu_cluster",
            "multi_cpu", "use_mps_device", "fp8_use_autocast_during_eval", "downcast_bf16",
            "tpu_cluster",
        }
    ),
    "torchrun": frozenset(
        {
            "standalone", "no-python", "no_python", "module", "m", "run-path", "run_path", "use_env",
            "use-env",
        }
    ),
    "deepspeed": frozenset(
        {
            "module", "no_python", "no_local_rank", "no_ssh", "no_ssh_check", "force_multi",
            "elastic_training", "bind_cores_to_rank", "save_pid",
        }
    ),
    "colossalai run": frozenset({"m"}),
    "composer": frozenset({"module_mode", "m", "command_mode", "verbose", "v", "stdout"}),
}

#: Programs of their own: they take a subcommand, then flags, files and overrides.
PROGRAMS = {
    "llamafactory-cli": "llamafactory-cli",
    "lmf": "llamafactory-cli",
    "swift": "swift",
    "megatron": "megatron",
    "trl": "trl",
    "axolotl": "axolotl",
    "xtuner": "xtuner",
    "autotrain": "autotrain",
    "unsloth": "unsloth",
}

#: ``python -m`` modules that are launchers or programs.
MODULES = {
    "torch.distributed.run": "torchrun",
    "torch.distributed.launch": "torchrun",
    "accelerate.commands.launch": "accelerate launch",
    "accelerate.commands.accelerate_cli": "accelerate",
    "deepspeed": "deepspeed",
    "deepspeed.launcher.runner": "deepspeed",
    "llamafactory.cli": "llamafactory-cli",
    "llamafactory": "llamafactory-cli",
    "axolotl.cli.main": "axolotl",
    "swift.cli.main": "swift",
    "trl.cli": "trl",
    "trl": "trl",
    "pip": "pip",
    "uv": "uv",
}

VARIABLE = re.compile(r"[A-Za-z_]\w*=")
MODULE_SUBCOMMAND = re.compile(r"(axolotl|swift)\.cli\.(?!main$)(_megatron\.)?(\w+)")

INSTALL_BARE = frozenset(
    {
        "q", "qq", "quiet", "v", "verbose", "U", "upgrade", "pre", "no-deps", "no-cache", "no-cache-dir",
        "user", "force-reinstall", "no-build-isolation", "system", "ignore-installed", "I", "y", "yes",
        "isolated", "no-input", "prefer-binary", "disable-pip-version-check", "break-system-packages",
        "reinstall", "exact", "no-index", "use-pep517", "progress-bar=off", "require-hashes", "dry-run",
        "offline", "refresh", "dev", "no-sync", "frozen", "compile-bytecode", "root-user-action=ignore",
        "no-warn-script-location", "compile", "no-compile", "copy", "update-deps", "override-channels",
        "json",
    }
)
PYTHON_VALUED = frozenset({"-W", "-X", "--check-hash-based-pycs"})

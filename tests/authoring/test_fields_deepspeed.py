"""Following DeepSpeed's configuration file through the functions that read it."""

from __future__ import annotations

from textwrap import dedent

from cfglint.authoring.fields.deepspeed_keys import json_keys
from cfglint.authoring.fields.module_tree import ModuleTree

_CONFIG = """
from .constants import *
from .parts import PartConfig, get_zero

def get_enabled(param_dict):
    if FP16 in param_dict.keys():
        return get_scalar_param(param_dict[FP16], "enabled", False)

def get_types(param_dict):
    for key in [BF16, BF16_OLD]:
        if key in param_dict:
            return param_dict[key]

def get_communication(param_dict, key=COMMUNICATION, default=None):
    return get_scalar_param(param_dict, key, default)

class DeepSpeedConfig:
    def __init__(self, config):
        self._param_dict = load(config)
        self._initialize(self._param_dict)

    def _initialize(self, param_dict):
        self.batch = get_scalar_param(param_dict, TRAIN_BATCH_SIZE, TRAIN_BATCH_SIZE_DEFAULT)
        self.fp16 = get_enabled(param_dict)
        self.types = get_types(param_dict)
        self.zero = get_zero(param_dict)
        self.part = PartConfig(param_dict)
        self.comm = get_communication(param_dict)
        self.sequence = get_communication(param_dict, key="sequence_" + COMMUNICATION)
        other = {}
        other["not_a_key"] = 1
"""
_CONSTANTS = """
FP16 = "fp16"
BF16 = "bf16"
BF16_OLD = "bfloat16"
TRAIN_BATCH_SIZE = "train_batch_size"
TRAIN_BATCH_SIZE_DEFAULT = None
COMMUNICATION = "communication_data_type"
"""
_PARTS = """
from .config_utils import get_scalar_param

class ZeroConfig(Model):
    stage: int = 0

def get_zero(param_dict):
    section = param_dict.get("zero_optimization", {})
    return ZeroConfig(**section)

class PartConfig:
    def __init__(self, param_dict):
        inner = param_dict["part"] if "part" in param_dict else {}
        self.size = get_scalar_param(inner, "size", 1 << 1)
        self.depth = get_scalar_param(inner.get("deep", {}), "depth", 2 * 3)
"""


def test_keys_are_dotted_by_section_with_their_defaults() -> None:
    declared = json_keys(
        ModuleTree(
            {
                "deepspeed/runtime/config.py": dedent(_CONFIG),
                "deepspeed/runtime/constants.py": dedent(_CONSTANTS),
                "deepspeed/runtime/parts.py": dedent(_PARTS),
            }
        )
    )
    assert declared is not None
    assert declared.fields == {
        "bf16": {},
        "bfloat16": {},
        "communication_data_type": {"default": None},
        "fp16": {},
        "fp16.enabled": {"default": False},
        "part": {},
        "part.deep": {},
        "part.deep.depth": {"default": 6},
        "part.size": {"expr": "1 << 1"},
        "sequence_communication_data_type": {"default": None},
        "train_batch_size": {"default": None},
        "zero_optimization": {"model": "ZeroConfig"},
    }


def test_a_release_without_the_class_has_no_keys() -> None:
    assert json_keys(ModuleTree({"deepspeed/runtime/other.py": "x = 1"})) is None

"""Reading settings out of source text: dataclasses, pydantic models, constructors, enums, inheritance."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from cfglint.authoring.fields.class_fields import Declared, class_fields, function_fields
from cfglint.authoring.fields.extract import find
from cfglint.authoring.fields.module_tree import ModuleTree


def tree(**modules: str) -> ModuleTree:
    """A release whose modules ``a__b`` stand for ``a/b.py``."""
    return ModuleTree({f"{name.replace('__', '/')}.py": dedent(text) for name, text in modules.items()})


def read(release: ModuleTree, name: str, **inherited: Any) -> Declared:
    located = find(release, name)
    assert located is not None
    return class_fields(located, release, **inherited)


def test_dataclass_defaults_types_and_choices() -> None:
    release = tree(
        lib__config="""
        from dataclasses import dataclass, field
        from typing import ClassVar, List, Literal, Optional, Union

        RATE = 2 * 1e-5

        @dataclass
        class Config:
            output_dir: str
            rate: float = RATE
            names: Optional[List[str]] = None
            betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
            extra: dict = field(default_factory=dict)
            mode: Literal["a", "b"] = "a"
            either: Union[bool, Literal["x"], None] = field(default=True, metadata={"help": "which"})
            shape: str = field(default="s", metadata={"choices": ["s", "t"]})
            computed: int = field(init=False)
            known: ClassVar[int] = 3
            _private: int = 0
            limit: float = -1
            top: float = float("inf")

            @property
            def method(self): ...
        """
    )
    assert read(release, "Config").fields == {
        "output_dir": {"type": "str", "required": True},
        "rate": {"type": "float", "default": 2e-5},
        "names": {"type": "list[str] | None", "default": None},
        "betas": {"type": "list[float]", "default": [0.9, 0.999]},
        "extra": {"type": "dict", "default": {}},
        "mode": {"type": "Literal", "choices": ["a", "b"], "default": "a"},
        "either": {"type": "bool | Literal | None", "choices": ["x"], "default": True},
        "shape": {"type": "str", "choices": ["s", "t"], "default": "s"},
        "limit": {"type": "float", "default": -1},
        "top": {"type": "float", "default": "inf"},
    }


def test_a_default_that_only_a_running_program_knows_is_kept_as_source() -> None:
    release = tree(
        lib__config="""
        import os
        from dataclasses import dataclass, field

        @dataclass
        class Config:
            workers: int = os.cpu_count()
            made: object = field(default_factory=Other)
        """
    )
    rows = read(release, "Config").fields
    assert rows["workers"] == {"type": "int", "expr": "os.cpu_count()"}
    assert rows["made"] == {"type": "object", "expr": "Other()"}


def test_enum_types_give_their_values_across_modules() -> None:
    release = tree(
        lib__names="""
        from enum import Enum, auto

        class Base(str, Enum):
            pass

        class Optim(Base):
            TORCH = "adamw_torch"
            ALIAS = TORCH
            OTHER = auto()
        """,
        lib__config="""
        from dataclasses import dataclass
        from .names import Optim

        @dataclass
        class Config:
            optim: Optim | str = Optim.TORCH
            text: str = Optim.TORCH.value
        """,
    )
    rows = read(release, "Config").fields
    assert rows["optim"] == {"type": "Optim | str", "enum": "Optim", "default": "adamw_torch"}
    assert rows["text"]["default"] == "adamw_torch"


def test_inheritance_across_modules_overrides_in_order() -> None:
    release = tree(
        lib__base="""
        from dataclasses import dataclass

        @dataclass
        class Base:
            a: int = 1
            b: int = 1

        class Plain:
            never: int = 9
        """,
        lib____init__="from .base import Base",
        lib__config="""
        from dataclasses import dataclass
        from lib import Base
        from .base import Plain
        from transformers import TrainingArguments

        @dataclass
        class Left(Base):
            b: int = 2

        @dataclass
        class Config(Left, Plain, TrainingArguments):
            c: int = 3
        """,
    )
    declared = read(release, "Config")
    assert {name: row["default"] for name, row in declared.fields.items()} == {"a": 1, "b": 2, "c": 3}
    assert declared.bases == ("transformers.TrainingArguments",)
    assert declared.module == "lib.config"


def test_an_explicit_constructor_wins_over_the_dataclass() -> None:
    release = tree(
        lib__config="""
        from dataclasses import dataclass

        @dataclass
        class Parent:
            def __init__(self, bits: int, group: int = 128, fixed: str = "p", **kwargs):
                self.old = kwargs.pop("old", None)
                if "alias" in kwargs:
                    self.group = kwargs.pop("alias")

        @dataclass
        class Config(Parent):
            unused: int = 0

            def __init__(self, bits=4, *, zero: bool = True, **kwargs):
                super().__init__(bits=bits, fixed="c", **kwargs)
        """
    )
    declared = read(release, "Config")
    assert declared.fields == {
        "bits": {"default": 4},
        "zero": {"type": "bool", "default": True},
        "group": {"type": "int", "default": 128},
        "old": {"default": None},
        "alias": {},
    }
    assert declared.open


def test_a_closed_constructor_is_not_open() -> None:
    release = tree(lib__config="class Config:\n    def __init__(self, a=1): ...\n")
    assert read(release, "Config") == Declared({"a": {"default": 1}}, module="lib.config")


def test_pydantic_bounds_aliases_and_deprecations() -> None:
    release = tree(
        lib__base="""
        from pydantic import BaseModel

        class Model(BaseModel):
            def __init__(self, strict=False, **data):
                super().__init__(**data)
        """,
        lib__config="""
        from typing import Annotated
        from pydantic import BaseModel, Field
        from lib.base import Model

        class Config(Model):
            stage: int = Field(0, ge=0, le=3)
            required: int = Field(...)
            named: int | None = Field(default=None, alias="other")
            old: bool = Field(False, json_schema_extra={"deprecated": True, "new_param": "stage"})
            gone: bool | None = Field(default=None, deprecated="Use `named` instead.")
            inner: Annotated[int, Field(gt=0)] = 2
            model_config = {}
        """,
    )
    assert read(release, "Config").fields == {
        "stage": {"type": "int", "ge": 0, "le": 3, "default": 0},
        "required": {"type": "int", "required": True},
        "named": {"type": "int | None", "alias": "other", "default": None},
        "old": {"type": "bool", "deprecated": "stage", "default": False},
        "gone": {"type": "bool | None", "deprecated": "named", "default": None},
        "inner": {"type": "int", "gt": 0, "default": 2},
    }


def test_a_conditional_default_keeps_its_condition() -> None:
    release = tree(
        lib__config="""
        from dataclasses import dataclass, field

        @dataclass
        class Config:
            best = "adamw_torch"
            if is_torch_available():
                from .torch import is_torch_greater_or_equal_than_2_8
                if is_torch_greater_or_equal_than_2_8:
                    best = "adamw_torch_fused"
            optim: str = field(default=best)
        """
    )
    assert read(release, "Config").fields["optim"] == {
        "type": "str",
        "default": "adamw_torch",
        "when": [["torch>=2.8", "adamw_torch_fused"]],
    }


def test_deprecations_in_help_and_warnings() -> None:
    release = tree(
        lib__config="""
        import warnings
        from dataclasses import dataclass, field
        from transformers import TrainingArguments

        @dataclass
        class Config(TrainingArguments):
            new: int = 1
            old: int = field(default=0, metadata={"help": "Deprecated. Use `new` instead."})
            plain: int = field(default=0, metadata={"help": "This argument is deprecated."})
            mode: str = field(default="a", metadata={"help": "The `b` value is deprecated."})
            moved: int = field(default=0, metadata={"help": "Deprecated, use `max_steps`"})
            server: int = field(default=0, metadata={"help": "Deprecated: use `--port` of the server."})
            warned: int = 0

            def __post_init__(self):
                if self.warned:
                    warnings.warn("`warned` is deprecated, use `new`.", FutureWarning)
        """
    )
    rows = read(release, "Config", inherited={"max_steps"}).fields
    assert {name: row["deprecated"] for name, row in rows.items() if "deprecated" in row} == {
        "old": "new",
        "plain": True,
        "moved": "max_steps",
        "server": True,
        "warned": "new",
    }


def test_parameters_of_a_method_found_on_a_base() -> None:
    release = tree(
        lib__models="""
        class Parent:
            @staticmethod
            def load(name, dtype=None, *, bits: int = 4, **kwargs): ...

        class Model(Parent):
            pass
        """
    )
    located = find(release, "Model")
    assert located is not None
    declared = function_fields(located, "load", release)
    assert declared is not None and declared.open
    assert declared.fields == {
        "name": {"required": True},
        "dtype": {"default": None},
        "bits": {"type": "int", "default": 4},
    }
    assert function_fields(located, "save", release) is None


def test_the_first_import_of_a_guarded_pair_counts() -> None:
    release = tree(
        lib__config="""
        from dataclasses import dataclass
        try:
            from lib.kinds import Kind
        except ImportError:
            Kind = None

        @dataclass
        class Config:
            kind: Kind = Kind.A
        """,
        lib__kinds="from enum import Enum\nclass Kind(Enum):\n    A = 'a'\n",
    )
    assert read(release, "Config").fields["kind"] == {"type": "Kind", "enum": "Kind", "default": "a"}


def test_an_experimental_module_gives_way() -> None:
    release = tree(
        lib__experimental__kto="class Config:\n    def __init__(self, a=1): ...\n",
        lib__trainer__kto__config="class Config:\n    def __init__(self, a=2): ...\n",
    )
    assert read(release, "Config").module == "lib.trainer.kto.config"


def test_a_module_that_cannot_be_parsed_is_named() -> None:
    release = tree(lib__config="class Config:\n    x = (\n")
    assert find(release, "Config") is None
    assert release.broken == ["lib/config.py"]

"""The reader of the field tables, on a small made-up table and on the shipped ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfglint.resolve import fieldtable
from cfglint.resolve.fieldtable import Span, UntabledError
from cfglint.rules_dir import rules_dir

TRAINER = {
    "library": "trainer",
    "releases": ["1.0", "1.1.0", "1.10.0", "2.0.0rc1", "2.0.0"],
    "python": {">=3.8": [0, 2], ">=3.10": [3, 4]},
    "requires": {"torch": [0, 1], "torch>=2": [3, 4]},
    "unstated": [2, 2],
    "enums": {"Kind": {'"a"': [0, 4], '"b"': [1, 1, 3, 4]}},
    "classes": {
        "Config": {
            "on": [0, 4],
            "modules": {"trainer.old": [0, 1], "trainer.new": [2, 4]},
            "fields": {
                "kind": [0, 4, 0],
                "rate": [0, 2, 1, 3, 4, 2],
                "gone": [1, 2, 3],
                "needed": [0, 4, 4],
                "optim": [0, 1, 1, 2, 4, 5],
            },
        }
    },
    "rows": [
        {"type": "Kind", "enum": "Kind", "default": "a"},
        {"type": "float", "default": 0.1},
        {"type": "float", "default": 0.2},
        {"default": None, "deprecated": "rate"},
        {"required": True},
        {"default": "x", "when": [["torch>=2.8", "y"]]},
    ],
}
TUNER = {
    "library": "tuner",
    "releases": ["0.1", "0.2"],
    "python": {},
    "requires": {},
    "unstated": [],
    "enums": {},
    "classes": {
        "TunerConfig": {
            "on": [0, 1],
            "modules": {"tuner.config": [0, 1]},
            "bases": {"trainer.Config": [0, 1]},
            "open": [1, 1],
            "fields": {"rate": [0, 1, 0], "length": [0, 0, 1, 1, 1, 2]},
        }
    },
    "rows": [{"default": 0.5}, {"default": 1}, {"default": True}],
}


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Made-up tables in place of the shipped ones, unless a test is about those."""
    forget()
    if "shipped" not in request.node.name:
        folder = tmp_path / "facts" / "fields"
        folder.mkdir(parents=True)
        for table in (TRAINER, TUNER):
            (folder / f"{table['library']}.json").write_text(json.dumps(table))
        monkeypatch.setattr(fieldtable, "rules_dir", lambda: str(tmp_path))
    yield
    forget()


def forget() -> None:
    """Drop what the reader keeps between calls."""
    fieldtable._table.cache_clear()
    fieldtable._positions.cache_clear()


def test_fields_at_a_release() -> None:
    assert list(fieldtable.fields_of("trainer", "Config", "1.0")) == ["kind", "rate", "needed", "optim"]
    assert fieldtable.fields_of("trainer", "Config", "1.1.0")["gone"] == {
        "default": None,
        "deprecated": "rate",
    }
    assert fieldtable.fields_of("trainer", "Config", "2.0.0")["rate"]["default"] == 0.2
    assert fieldtable.fields_of("trainer", "Nothing", "1.0") == {}
    assert fieldtable.classes("trainer") == ("Config",)


def test_choices_of_an_enum_are_those_of_the_release() -> None:
    assert fieldtable.fields_of("trainer", "Config", "1.0")["kind"]["choices"] == ["a"]
    assert fieldtable.fields_of("trainer", "Config", "1.1")["kind"]["choices"] == ["a", "b"]
    assert fieldtable.enum_values("trainer", "Kind", "1.10") == ["a"]
    assert fieldtable.enum_history("trainer", "Kind", "b") == [("1.1.0", "1.1.0"), ("2.0.0rc1", "2.0.0")]
    assert fieldtable.enum_history("trainer", "Kind", "c") == []


@pytest.mark.parametrize("spelling", ["1.1.0", "1.1", "v1.1.0", "1.1.0+cu121", " 1.1.0 "])
def test_equal_releases_are_one(spelling: str) -> None:
    assert fieldtable.position("trainer", spelling) == 1


@pytest.mark.parametrize("spelling", ["1.1.1", "3.0", "", "latest", "1.10.0.post1"])
def test_an_unknown_release_is_said_so(spelling: str) -> None:
    with pytest.raises(UntabledError):
        fieldtable.fields_of("trainer", "Config", spelling)


def test_a_library_without_a_table() -> None:
    with pytest.raises(FileNotFoundError):
        fieldtable.releases("absent")


@pytest.mark.parametrize(
    ("version", "found"),
    [("1.0", "1.0"), ("1.9.9", "1.1.0"), ("1.10.3.dev0", "1.10.0"), ("3.0.0", "2.0.0"), ("0.9", None)],
)
def test_the_nearest_older_release(version: str, found: str | None) -> None:
    assert fieldtable.nearest("trainer", version) == found


def test_history_first_and_last() -> None:
    assert fieldtable.history("trainer", "Config", "rate") == [
        Span("1.0", "1.10.0", {"type": "float", "default": 0.1}),
        Span("2.0.0rc1", "2.0.0", {"type": "float", "default": 0.2}),
    ]
    assert fieldtable.first_release("trainer", "Config", "gone") == "1.1.0"
    assert fieldtable.last_release("trainer", "Config", "gone") == "1.10.0"
    assert fieldtable.history("trainer", "Config", "never") == []
    assert fieldtable.first_release("trainer", "Config", "never") is None
    assert fieldtable.last_release("trainer", "Config", "never") is None


def test_default_over_releases() -> None:
    assert fieldtable.default_over("trainer", "Config", "rate", ["1.0", "1.1"]) == (True, 0.1)
    assert fieldtable.default_over("trainer", "Config", "rate", ["1.0", "2.0.0"]) == (False, None)
    assert fieldtable.default_over("trainer", "Config", "gone", ["1.1", "1.10"]) == (True, None)
    assert fieldtable.default_over("trainer", "Config", "gone", ["1.0", "1.1"]) == (False, None)
    assert fieldtable.default_over("trainer", "Config", "rate", ["1.0", "9.9"]) == (False, None)
    assert fieldtable.default_over("trainer", "Config", "rate", []) == (False, None)
    assert fieldtable.default_over("trainer", "Config", "needed", ["1.0"]) == (False, None)


def test_a_default_that_hangs_on_the_environment_is_not_known() -> None:
    assert fieldtable.default_at("trainer", "Config", "optim", "1.1") == (True, 0.1)
    assert fieldtable.default_at("trainer", "Config", "optim", "2.0.0") == (False, None)


def test_true_and_one_are_different_defaults() -> None:
    assert fieldtable.default_over("tuner", "TunerConfig", "length", ["0.1", "0.2"]) == (False, None)


def test_fields_with_those_of_a_base_in_another_library() -> None:
    versions = {"tuner": "0.2", "trainer": "1.0"}
    rows, complete = fieldtable.inherited_fields("tuner", "TunerConfig", versions)
    assert complete and set(rows) == {"kind", "rate", "needed", "optim", "length"}
    assert rows["rate"] == {"default": 0.5}
    rows, complete = fieldtable.inherited_fields("tuner", "TunerConfig", {"tuner": "0.2"})
    assert not complete and set(rows) == {"rate", "length"}
    assert fieldtable.bases_of("tuner", "TunerConfig", "0.1") == [("trainer", "Config")]


def test_modules_and_open_constructors() -> None:
    assert fieldtable.module_of("trainer", "Config", "1.1") == "trainer.old"
    assert fieldtable.module_of("trainer", "Config", "2.0.0") == "trainer.new"
    assert fieldtable.module_of("trainer", "Nothing", "1.0") is None
    assert not fieldtable.takes_any_keyword("tuner", "TunerConfig", "0.1")
    assert fieldtable.takes_any_keyword("tuner", "TunerConfig", "0.2")


def test_requirements_of_a_release() -> None:
    assert fieldtable.requires("trainer", "1.1") == ["torch"]
    assert fieldtable.requires("trainer", "1.10") is None
    assert fieldtable.requires("trainer", "2.0.0") == ["torch>=2"]
    assert fieldtable.requires_python("trainer", "2.0.0") == ">=3.10"
    assert fieldtable.requires_python("tuner", "0.1") is None


@pytest.mark.parametrize(
    ("library", "cls", "field", "version", "default"),
    [
        ("transformers", "TrainingArguments", "optim", "4.30.0", "adamw_hf"),
        ("transformers", "TrainingArguments", "optim", "4.53.0", "adamw_torch"),
        ("transformers", "BitsAndBytesConfig", "bnb_4bit_quant_type", "4.57.6", "fp4"),
        ("trl", "GRPOConfig", "beta", "0.18.0", 0.04),
        ("trl", "GRPOConfig", "beta", "0.19.0", 0.0),
        ("trl", "SFTConfig", "max_length", "0.24.0", 1024),
        ("peft", "LoraConfig", "r", "0.17.1", 8),
        ("accelerate", "FullyShardedDataParallelPlugin", "fsdp_version", "1.6.0", None),
        ("llamafactory", "DataArguments", "cutoff_len", "0.9.0", 1024),
        ("llamafactory", "DataArguments", "cutoff_len", "0.9.1", 2048),
        ("axolotl", "AxolotlInputConfig", "sequence_len", "0.15.0", 512),
        ("deepspeed", "DeepSpeedZeroConfig", "stage", "0.16.0", 0),
        ("deepspeed", "DeepSpeedConfig", "gradient_clipping", "0.16.0", 0.0),
        ("unsloth", "FastLanguageModel.from_pretrained", "load_in_4bit", "2025.3.14", True),
    ],
)
def test_shipped_defaults(library: str, cls: str, field: str, version: str, default: object) -> None:
    assert fieldtable.default_at(library, cls, field, version) == (True, default)


def test_shipped_ends_of_fields() -> None:
    assert fieldtable.last_release("transformers", "TrainingArguments", "evaluation_strategy") == "4.50.3"
    assert fieldtable.first_release("transformers", "TrainingArguments", "eval_strategy") == "4.41.0"
    assert fieldtable.history("trl", "SFTConfig", "max_seq_length")[-1].row["deprecated"] == "max_length"
    assert fieldtable.enum_history("transformers", "OptimizerNames", "adamw_hf")[-1][1].startswith("4.49")


def test_shipped_tables_are_well_formed_and_small() -> None:
    folder = Path(rules_dir(), "facts", "fields")
    names = sorted(path.stem for path in folder.glob("*.json"))
    assert {
        "transformers",
        "trl",
        "peft",
        "accelerate",
        "deepspeed",
        "llamafactory",
        "axolotl",
        "unsloth",
    } <= set(names)
    assert sum(path.stat().st_size for path in folder.glob("*.json")) < 600_000
    tabled = json.loads((folder.parent / "releases.json").read_text(encoding="utf-8"))
    for name in names:
        table = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        last, rows = len(table["releases"]) - 1, len(table["rows"])
        assert set(table["releases"]) <= set(tabled[name])
        assert table["releases"] == [version for version in tabled[name] if version in table["releases"]]
        for cls, described in table["classes"].items():
            for field, flat in described["fields"].items():
                spans = list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
                assert spans, (name, cls, field)
                assert all(0 <= first <= end <= last and 0 <= row < rows for first, end, row in spans)
                assert all(spans[i][1] < spans[i + 1][0] for i in range(len(spans) - 1))


def test_shipped_tables_load_without_packaging() -> None:
    program = (
        "import sys; from cfglint.resolve import fieldtable as f; f.fields_of('trl', 'SFTConfig', '0.24.0')\n"
        "unwanted = ('packaging', 'pydantic', 'torch', 'importlib.metadata', 'asyncio')\n"
        "print([name for name in unwanted if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

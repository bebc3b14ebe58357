"""The table of model families: complete, consistent with its hand-kept source, and made by the generator."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfglint.authoring.families import FamilyFactsError, anchor, describe_all, merge, write
from cfglint.resolve.family import family_facts, resolve_family
from cfglint.rules_dir import rules_dir

FACTS = Path(rules_dir(), "facts")
HAND: dict[str, Any] = yaml.safe_load((FACTS / "families.yaml").read_text(encoding="utf-8"))
TABLE: dict[str, Any] = json.loads((FACTS / "families.json").read_text(encoding="utf-8"))
DTYPES = {"bfloat16", "float16", "float32", None}
KEYS = set(family_facts("llama"))


@pytest.mark.parametrize("family", sorted(TABLE["families"]))
def test_every_family_has_every_fact(family: str) -> None:
    row = family_facts(family)
    assert set(row) == KEYS
    assert re.fullmatch(r"[a-z0-9_]+", family)
    assert row["native_dtype"] in DTYPES and row["pretraining_dtype"] in DTYPES
    assert row["native_dtype"] is None or row["native_dtype_source"], "a dtype says how it is known"
    assert row["fp16_unsafe"] is None or row["fp16_unsafe_source"], (
        "a verdict on float16 says how it is known"
    )
    for key in (
        "fp16_unsafe",
        "tied_embeddings",
        "multimodal",
        "moe",
        "qk_norm",
        "fused_qkv",
        "sliding_window",
    ):
        assert row[key] in (True, False, None)
    assert row["remote_code"] is (row["since"] is None)
    assert row["since"] is None or re.fullmatch(r"\d+\.\d+\.\d+", row["since"])
    assert row["remote_code"] or row["architectures"]
    for size in row["sizes"]:
        assert set(size) & {"sizes", "names"} and set(size) - {"sizes", "names"} <= KEYS
        assert "fp16_unsafe" not in size or size["fp16_unsafe_source"]


def test_table_is_made_from_its_source() -> None:
    assert sorted(HAND["families"]) == sorted(TABLE["families"])
    for name, row in HAND["families"].items():
        made = family_facts(name)
        assert (made["model_type"], made["native_dtype"]) == (row["model_type"], row["native_dtype"]), name
        assert made["fp16_unsafe"] is row.get("fp16_unsafe") and made["tied_embeddings"] is row["tied"], name
    kept = sorted(
        [pattern, name] for name, row in HAND["families"].items() for pattern in row.get("names", [])
    )
    assert kept == sorted(pair for rows in TABLE["patterns"].values() for pair in rows)
    assert sorted(HAND["blocked"]) == sorted(
        pattern for rows in TABLE["blocked"].values() for pattern in rows
    )


def test_patterns_are_unique_sorted_and_compile() -> None:
    patterns = [pattern for rows in TABLE["patterns"].values() for pattern, _ in rows]
    assert len(patterns) == len(set(patterns))
    assert list(TABLE["patterns"]) == sorted(TABLE["patterns"])
    for key, rows in TABLE["patterns"].items():
        assert rows == sorted(rows)
        for pattern, family in rows:
            assert re.compile(pattern) and anchor(pattern) == key and family in TABLE["families"]


def test_every_lineage_word_leads_to_a_lineage() -> None:
    lineages = {row["lineage"] for row in TABLE["families"].values()}
    assert set(TABLE["lineage_words"].values()) <= lineages


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"qwen-?2[.-]?5", "qwen 2 5"),
        (r"(deepseek-)?r1-distill-qwen(-math)?-(1\.5|7)b", "r1 distill qwen b"),
        (r"ope?n-?llama-(v\d-)?\d+b", "op n llama b"),
        (r"^bloomz?$", "bloom"),
        (r"t0(p|pp|-3b)", "t0"),
        (r"qwen-?[0-9.-]*(audio|tts)", "qwen"),
    ],
)
def test_anchor_is_in_every_match(pattern: str, literal: str) -> None:
    assert anchor(pattern) == literal


@pytest.mark.parametrize("pattern", ["a|b", "(x|y)", r"\d+"])
def test_pattern_without_an_anchor(pattern: str) -> None:
    with pytest.raises(FamilyFactsError):
        anchor(pattern)


def _hand(**row: Any) -> dict[str, Any]:
    base = {
        "model_type": "tiny",
        "since": None,
        "native_dtype": None,
        "tied": None,
        "names": ["tiny-1b"],
        **row,
    }
    words: dict[str, Any] = {"blocked": [], "lineage_words": {}, "tool_words": []}
    return {"families": {"tiny": base}, **words}


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(FamilyFactsError, match="native_type"):
        merge(_hand(native_type="bfloat16"), {}, "5.0.0")


def test_claimed_default_must_be_the_class_default() -> None:
    described = {"tiny": {"tied_default": False, "modules": {"attention": ["q_proj"]}, "architectures": {}}}
    with pytest.raises(FamilyFactsError, match="by default"):
        merge(_hand(since="5.0.0", tied=True, tied_source="TinyConfig default"), described, "5.0.0")
    merged = merge(_hand(since="5.0.0", tied=False, tied_source="TinyConfig default"), described, "5.0.0")
    assert merged["families"]["tiny"]["lora_targets"] == ["q_proj"]


def test_written_table_reads_back(tmp_path: Path) -> None:
    table = merge(_hand(), {}, "5.0.0")
    write(table, str(tmp_path / "families.json"))
    read = json.loads((tmp_path / "families.json").read_text(encoding="utf-8"))
    assert read == json.loads(json.dumps(table))


def test_a_family_named_like_its_pattern_resolves_to_itself() -> None:
    for rows in TABLE["patterns"].values():
        for pattern, family in rows:
            if re.fullmatch(r"[a-z0-9-]+", pattern) and (match := resolve_family(pattern)):
                assert match.family == family


def test_generator_reads_the_classes() -> None:
    pytest.importorskip("torch", reason="the generator builds models on torch's meta device")
    pytest.importorskip("transformers", reason="the generator reads transformers' classes")
    described = describe_all({"qwen3": HAND["families"]["qwen3"]})["qwen3"]
    assert described["architectures"]["causal_lm"] == "Qwen3ForCausalLM"
    assert described["modules"]["attention"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert described["modules"]["mlp"] == ["down_proj", "gate_proj", "up_proj"]
    assert described["qk_norm"] is True and described["moe"] is False

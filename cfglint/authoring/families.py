"""Writes ``rules/facts/families.json``: hand-kept facts joined with what transformers' own classes say.

Needs torch and transformers; every model is built on the meta device: no weights are made, nothing fetched.
Run ``python -m cfglint.authoring.families`` where both are installed, and commit what it writes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from cfglint.authoring.family_classes import GROUPS, architectures, describe
from cfglint.rules_dir import rules_dir

# What a family has unless it says otherwise: written once, which halves the file that each run reads.
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(
        [
            *(
                "text_model_type",
                "needs",
                "native_dtype",
                "native_dtype_source",
                "pretraining_dtype",
                "fp16_unsafe",
            ),
            *(
                "fp16_unsafe_source",
                "tied_embeddings",
                "tied_embeddings_source",
                "attention_softcap",
                "final_softcap",
            ),
            *("published_quantization", "sliding_window", "qk_norm"),
        ]
    ),
    **dict.fromkeys(["remote_code", "multimodal", "moe", "encoder_decoder", "recurrent", "fused_qkv"], False),
    "experts_before_5": [],
    "sizes": [],
}
_LORA_GROUPS = ("attention", "mlp", "mixer")
_FUSED = frozenset({"qkv_proj", "query_key_value", "Wqkv", "c_attn", "W_pack", "wqkv", "in_proj"})
_HAND_KEYS = frozenset(
    [
        "model_type",
        "text_model_type",
        "lineage",
        "since",
        "native_dtype",
        "dtype_source",
        "pretraining_dtype",
        "fp16_unsafe",
        "fp16_source",
        "tied",
        "tied_source",
        "sizes",
        "names",
        "modules",
        "experts_before_5",
        "architectures",
        "build",
        "multimodal",
        "moe",
        "needs",
        "published_quantization",
    ]
)


class FamilyFactsError(ValueError):
    """The hand-kept table contradicts itself or the classes it speaks of."""


def main() -> int:
    """Read families.yaml, ask transformers, write families.json beside it; returns the exit status."""
    import transformers

    folder = os.path.join(rules_dir(), "facts")
    with open(os.path.join(folder, "families.yaml"), encoding="utf-8") as stream:
        hand = yaml.safe_load(stream)
    table = merge(hand, describe_all(hand["families"]), transformers.__version__)
    write(table, os.path.join(folder, "families.json"))
    return 0


def describe_all(families: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By model_type, what transformers says of every one in the table that it implements itself."""
    described: dict[str, dict[str, Any]] = {}
    for row in families.values():
        for part in (row, *row.get("sizes", [])):
            kind = part.get("model_type")
            if kind is None or kind in described or row["since"] is None:
                continue
            described[kind] = {"architectures": architectures(kind)}
            if "modules" not in row:
                build = {"model_type": kind, **row.get("build", {})} if part is row else {"model_type": kind}
                described[kind] |= describe(**build)
    return described


def merge(
    hand: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]], version: str
) -> dict[str, Any]:
    """The whole table as written to JSON.

    Raises FamilyFactsError where a hand-kept row has an unknown key, or claims a configuration default that
    the class does not have.
    """
    rows = [[pattern, name] for name, row in hand["families"].items() for pattern in row.get("names", [])]
    return {
        "transformers": version,
        "defaults": _DEFAULTS,
        "module_groups": GROUPS,
        "families": {name: _row(name, row, described) for name, row in hand["families"].items()},
        "patterns": _by_anchor({pattern: [pattern, name] for pattern, name in rows}),
        "blocked": _by_anchor({pattern: pattern for pattern in hand["blocked"]}),
        "lineage_words": hand["lineage_words"],
        "tool_words": hand["tool_words"],
    }


def _by_anchor(rows: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Rows under the anchor of their pattern."""
    grouped: dict[str, list[Any]] = {}
    for pattern in sorted(rows):
        grouped.setdefault(anchor(pattern), []).append(rows[pattern])
    return dict(sorted(grouped.items()))


def anchor(pattern: str) -> str:
    """The letters and digits that every match of a pattern holds, apart: "qwen 2 vl" of ``qwen-?2-?vl``.

    Raises FamilyFactsError if no letters are always there.
    """
    bare = pattern
    while (inner := re.sub(r"\([^()]*\)[?*+]?", " ", bare)) != bare:
        bare = inner
    runs = re.findall(r"[a-z0-9]+", re.sub(r"\[[^]]*\][?*+]?|\\d[?*+]?|.[?*]", " ", bare))
    if "|" in bare or not re.search(r"[a-z]{2}|[a-z]\d", " ".join(runs)):
        raise FamilyFactsError(f"nothing in {pattern!r} is always there")
    return " ".join(sorted(set(runs), key=runs.index))


def write(table: Mapping[str, Any], path: str) -> None:
    """The table as JSON, one family or anchor a line, so that a difference shows what changed."""
    parts = []
    for key, value in sorted(table.items()):
        if isinstance(value, dict):
            lines = (
                f"  {json.dumps(name)}: {json.dumps(value[name], sort_keys=True)}" for name in sorted(value)
            )
            parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n }")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("{\n" + ",\n".join(parts) + "\n}\n")


def _row(name: str, row: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One family: the class's facts under the hand-kept ones."""
    if unknown := set(row) - _HAND_KEYS:
        raise FamilyFactsError(f"{name}: unknown keys {sorted(unknown)}")
    remote = row["since"] is None
    asked: Mapping[str, Any] = {} if remote else described[row["model_type"]]
    tied = row.get("tied")
    if "default" in row.get("tied_source", "") and not remote and tied != asked["tied_default"]:
        raise FamilyFactsError(f"{name}: says tied {tied} by default, the class says {asked['tied_default']}")
    known = row.get("modules") or asked.get("modules")
    modules = {group: list(known[group]) for group in GROUPS if known.get(group)} if known else None
    sizes = [{_renamed(key): value for key, value in size.items()} for size in row.get("sizes", [])]
    for size in sizes:
        if "model_type" in size:
            size["architectures"] = described[size["model_type"]]["architectures"]
    facts = {
        "model_type": row["model_type"],
        "text_model_type": row.get("text_model_type") or asked.get("text_model_type"),
        "lineage": row.get("lineage", name),
        "since": row["since"],
        "remote_code": remote,
        "needs": row.get("needs"),
        "architectures": row.get("architectures") or asked.get("architectures", {}),
        "native_dtype": row["native_dtype"],
        "native_dtype_source": row.get("dtype_source"),
        "pretraining_dtype": row.get("pretraining_dtype"),
        "fp16_unsafe": row.get("fp16_unsafe"),
        "fp16_unsafe_source": row.get("fp16_source"),
        "tied_embeddings": tied,
        "tied_embeddings_source": row.get("tied_source") or _default_source(tied, asked),
        "multimodal": row["multimodal"] if "multimodal" in row else asked.get("multimodal", False),
        "moe": row.get("moe", asked.get("moe", False)),
        "encoder_decoder": asked.get("encoder_decoder", False),
        "recurrent": bool(modules.get("mixer")) if modules else None,
        "attention_softcap": asked.get("attention_softcap"),
        "final_softcap": asked.get("final_softcap"),
        "sliding_window": asked.get("sliding_window"),
        "qk_norm": asked.get("qk_norm"),
        "fused_qkv": bool(_FUSED & set(modules.get("attention", []))) if modules else None,
        "modules": modules,
        "lora_targets": sorted({name for group in _LORA_GROUPS for name in modules.get(group, [])})
        if modules
        else None,
        "experts_before_5": row.get("experts_before_5", []),
        "published_quantization": row.get("published_quantization"),
        "sizes": sizes,
    }
    return {key: value for key, value in facts.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}


def _default_source(tied: bool | None, asked: Mapping[str, Any]) -> str | None:
    """The class itself, where it says of tied embeddings what the row says."""
    return (
        "default of the configuration class"
        if tied is not None and tied == asked.get("tied_default")
        else None
    )


def _renamed(key: str) -> str:
    return {
        "tied": "tied_embeddings",
        "fp16_source": "fp16_unsafe_source",
        "dtype_source": "native_dtype_source",
    }.get(key, key)


if __name__ == "__main__":
    sys.exit(main())

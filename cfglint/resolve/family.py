"""Which model family a name or a local ``config.json`` stands for, and what is known about that family.

A name gives a family only where it spells one out ("gemma-2-9b", "Qwen2.5-7B"). A name that speaks of two
families, or mentions one without saying which of its generations, gives none: a wrong family is worse than
none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from cfglint.rules_dir import rules_dir

_BEFORE, _AFTER = r"(?<![a-z0-9.])", r"(?![a-z0-9]|\.\d)"
_SIZE = re.compile(r"(?:(\d+)x)?([ae]?)(\d+(?:\.\d+)?)([bm])(\d?)")
# Folder names that say nothing about the model; the folder above them does.
_PASSING = re.compile(
    r"(?:checkpoint|step|epoch)-?\d+|final|merged|original|latest|best|hf|snapshots|[0-9a-f]{40}"
    r"|full|freeze|q?lora|sft|dpo|kto|orpo|ppo|rm|reward|pt|pretrain"
)
_FILE = re.compile(r"\.(?:gguf|bin|safetensors|pth?|model|json|ya?ml|txt|parquet|jsonl)$")
_SIZE_NAMES = frozenset(
    ["tiny", "xsmall", "small", "medium", "base", "large", "xlarge", "xxlarge", "xl", "xxl"]
)
_TUNED = frozenset(["instruct", "it", "chat", "sft", "dpo", "rlhf", "thinking", "reasoning"])
_FORMATS = frozenset(["gptq", "awq", "aqlm", "hqq", "eetq", "gguf", "exl2", "mxfp4", "nvfp4", "fp8", "mlx"])
_FULL_PRECISION = frozenset(["bf16", "fp16", "dequantized", "unquantized"])
# Facts that differ between generations of one model_type.
_BY_GENERATION = (
    "native_dtype",
    "pretraining_dtype",
    "fp16_unsafe",
    "tied_embeddings",
    "published_quantization",
    "needs",
)


class FamilyMatch(NamedTuple):
    """A family's name and what this very model adds to, or changes in, the family's facts.

    Keys that ``variant`` may hold: ``size_b`` and ``active_b`` (billions of parameters), ``size_name``,
    ``experts_count``, ``tuned`` (True where the name says so), ``quantized_checkpoint`` (a format; absent
    where nothing speaks of one), and any fact that holds for this size only. A `config.json` adds
    ``model_type``, ``native_dtype``, ``tied_embeddings``, ``architecture``, ``multimodal`` and
    ``quantized_checkpoint`` as far as it states them.
    """

    family: str
    variant: Mapping[str, Any]


@cache
def _table() -> Mapping[str, Any]:
    with open(os.path.join(rules_dir(), "facts", "families.json"), encoding="utf-8") as stream:
        table: Mapping[str, Any] = json.load(stream)
    return table


def family_facts(family: str) -> Mapping[str, Any]:
    """All facts of a family by key (rules/facts/families.yaml says what they mean); None stands for unknown.

    Raises KeyError if there is no such family.
    """
    table = _table()
    facts = {**table["defaults"], **table["families"][family]}
    if facts["modules"] is not None:
        facts["modules"] = {**dict.fromkeys(table["module_groups"], ()), **facts["modules"]}
    return facts


def model_facts(match: FamilyMatch) -> dict[str, Any]:
    """The family's facts with this model's own laid over them."""
    return {**family_facts(match.family), **match.variant}


def resolve_family(name: str) -> FamilyMatch | None:
    """The family that a hub name or a path spells out, or None where it names none or more than one."""
    table = _table()
    organisation, text = _model_part(name)
    for pattern in _anchored(table["blocked"], f"{organisation}/{text}"):
        if re.search(f"{_BEFORE}(?:{pattern}){_AFTER}", f"{organisation}/{text}" if "/" in pattern else text):
            return None
    for tool in table["tool_words"]:
        text = text.replace(tool, "")
    hits = _longest(table["patterns"], text)
    families = {family for _, _, family in hits}
    if len(families) != 1:
        return None
    family = families.pop()
    rest = text
    for start, end, _ in hits:
        rest = rest[:start] + " " * (end - start) + rest[end:]
    facts = family_facts(family)
    if any(lineage != facts["lineage"] for lineage in _lineages(rest, table["lineage_words"])):
        return None
    for split in re.finditer(r"(?<=-)\d(-)\d[bm](?![a-z0-9])", rest):  # of "qwen2_5_1_5b" is left "1.5b"
        text = text[: split.start(1)] + "." + text[split.end(1) :]
    return FamilyMatch(family, _variant(facts, text))


def _anchored(rows: Mapping[str, list[Any]], text: str) -> Iterator[Any]:
    """The rows whose anchor, the parts that all their matches hold, occurs: compiling each is slow."""
    for anchor, anchored in rows.items():
        if all(part in text for part in anchor.split()):
            yield from anchored


def _longest(patterns: Mapping[str, list[Any]], text: str) -> list[tuple[int, int, str]]:
    """Every match that no longer match overlaps: "r1-distill-qwen-7b" hides the "qwen-7b" in it."""
    found = sorted(
        (
            (match.start(), match.end(), family)
            for pattern, family in _anchored(patterns, text)
            for match in re.finditer(f"{_BEFORE}(?:{pattern}){_AFTER}", text)
        ),
        key=lambda hit: (hit[0] - hit[1], hit),
    )
    kept: list[tuple[int, int, str]] = []
    for start, end, family in found:
        if all(end <= other[0] or start >= other[1] or (start, end) == other[:2] for other in kept):
            kept.append((start, end, family))
    return kept


def _lineages(text: str, lineage_of_word: Mapping[str, str]) -> Iterator[str]:
    """The lineages of the words in a text; "qwen2" counts as "qwen"."""
    for token in re.findall(r"[a-z][a-z0-9]*", text):
        lineage = lineage_of_word.get(token) or lineage_of_word.get(token.rstrip("0123456789"))
        if lineage:
            yield lineage


def _model_part(name: str) -> tuple[str, str]:
    """The part of a name or path that names the model, normalised, and the part above it."""
    text = re.sub(r"(?<=-)1_(?=[568]b?(?:-|$))", "1.", name.strip().lower())  # phi-1_5, stablelm-2-1_6b
    parts = re.sub(r"[_ ]", "-", text).replace("\\", "/").split("/")
    parts = [part for part in parts if part not in ("", ".", "..", "~")]
    for part in parts:
        if part.startswith("models--"):
            return "", part.rsplit("--", 1)[-1]
    while len(parts) > 1 and _PASSING.fullmatch(parts[-1]):
        parts.pop()
    if not parts:
        return "", ""
    return (parts[-2] if len(parts) > 1 else ""), _FILE.sub("", parts[-1])


def _variant(facts: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What a model's normalised name says beyond its family."""
    tokens = re.split(r"[^a-z0-9.]+", text)
    variant = _sizes(tokens)
    for row in facts["sizes"]:
        if variant.get("size_b") in row.get("sizes", ()) or variant.get("size_name") in row.get("names", ()):
            variant |= {key: value for key, value in row.items() if key not in ("sizes", "names")}
    if not _TUNED.isdisjoint(tokens):
        variant["tuned"] = True
    if quantized := _quantized(tokens, facts["published_quantization"]):
        variant["quantized_checkpoint"] = quantized
    return variant


def _quantized(tokens: list[str], published: str | None) -> str | None:
    if "bnb" in tokens or "nf4" in tokens:
        return "bnb-8bit" if "8bit" in tokens or "int8" in tokens else "bnb-4bit"
    stated = next((token for token in tokens if token in _FORMATS), None)
    return stated or (published if _FULL_PRECISION.isdisjoint(tokens) else None)


def _sizes(tokens: list[str]) -> dict[str, Any]:
    """Sizes in billions; a name with two different ones ("7b-to-13b") states none."""
    stated: dict[str, set[Any]] = {"size_b": set(), "active_b": set(), "experts_count": set()}
    per_token = any(
        re.fullmatch(r"\d+e", token) for token in tokens
    )  # "17b-16e": 17 billion active, of 16 experts
    for token in tokens:
        if not (match := _SIZE.fullmatch(token)):
            continue
        experts, kind, number, unit, decimals = match.groups()
        billions = float(f"{number}.{decimals}" if decimals else number) / (1 if unit == "b" else 1000)
        if experts:
            stated["experts_count"].add(int(experts))
        else:
            stated["active_b" if kind == "a" or per_token else "size_b"].add(billions)
    stated["size_name"] = {token for token in tokens if token in _SIZE_NAMES}
    return {key: values.pop() for key, values in stated.items() if len(values) == 1}


def from_config(config: Mapping[str, Any]) -> FamilyMatch | None:
    """The family of a local ``config.json``: by its ``model_type``, and by its name where it is shared.

    What the file states wins over the table. Where nothing in the file tells the generations of a
    model_type apart, the family called like the model_type stands for all of them, with None for each fact
    they disagree on. None where the model_type is missing or not tabled.
    """
    kind = config.get("model_type")
    families = _table()["families"]
    sharing = [name for name, row in families.items() if kind in _types(row)]
    if not isinstance(kind, str) or not sharing:
        return None
    name = config.get("_name_or_path")
    match = resolve_family(name) if isinstance(name, str) else None
    if match is None or match.family not in sharing:
        match = _of_type(kind, sharing)
    return match and FamilyMatch(match.family, {**match.variant, **_stated(config)})


def _of_type(kind: str, sharing: list[str]) -> FamilyMatch | None:
    """The family that stands for a model_type; where several share it, the one called like it."""
    if len(sharing) == 1:
        rows = [size for size in family_facts(sharing[0])["sizes"] if size.get("model_type") == kind]
        facts = {key: value for row in rows for key, value in row.items() if key not in ("sizes", "names")}
        return FamilyMatch(sharing[0], facts)
    if kind not in sharing:
        return None
    own, *others = (family_facts(name) for name in (kind, *sharing))
    return FamilyMatch(
        kind, {key: None for key in _BY_GENERATION if any(row[key] != own[key] for row in others)}
    )


def _types(row: Mapping[str, Any]) -> set[str]:
    return {row["model_type"], *(size["model_type"] for size in row.get("sizes", ()) if "model_type" in size)}


def _stated(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a `config.json` itself says; the outer level wins over its ``text_config``."""
    inner = config.get("text_config")
    text: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    stated: dict[str, Any] = {"model_type": config["model_type"]}
    dtype = config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or text.get("torch_dtype")
    if isinstance(dtype, str):
        stated["native_dtype"] = dtype.removeprefix("torch.")
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings"))
    if isinstance(tied, bool):
        stated["tied_embeddings"] = tied
    architectures = config.get("architectures")
    if isinstance(architectures, list) and len(architectures) == 1 and isinstance(architectures[0], str):
        stated["architecture"] = architectures[0]
    if inner is not None or "vision_config" in config:
        stated["multimodal"] = "vision_config" in config or "audio_config" in config
    quantized = config.get("quantization_config")
    if isinstance(quantized, Mapping) and isinstance(method := quantized.get("quant_method"), str):
        four_bit = quantized.get("load_in_4bit") or quantized.get("_load_in_4bit")
        bitsandbytes = "bnb-4bit" if four_bit else "bnb-8bit"
        stated["quantized_checkpoint"] = bitsandbytes if method == "bitsandbytes" else method
    return stated

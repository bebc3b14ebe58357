"""What a model's name says about its modules."""

from __future__ import annotations

from typing import Any, cast

from cfglint.model.run import Run
from cfglint.model.value import KNOWN, Value
from cfglint.resolve.families import family_fields
from cfglint.resolve.project import Project


class _NoFiles:
    def find(self, path: str, near: str) -> None:
        return None


def _fields(name: str, loader: str = "") -> dict[str, Any]:
    run = Run()
    if loader:
        run.fields["model.loader_class"] = Value(KNOWN, loader, None, "file")
    run.fields["model.name"] = Value(KNOWN, name, None, "file")
    return {field: value.value for field, value in family_fields(cast(Project, _NoFiles()), run, "").items()}


def test_experts_that_were_modules_before_transformers_5() -> None:
    fields = _fields("Qwen/Qwen3-30B-A3B")
    assert fields["model.fused_experts"] is True
    assert fields["model.expert_modules"] == ["down_proj", "gate_proj", "up_proj"]
    assert "gate_proj" in fields["model.module_names"]
    assert "gate_up_proj" not in fields["model.module_names"]


def test_a_dense_model_names_its_head_and_embedding() -> None:
    fields = _fields("Qwen/Qwen2.5-7B")
    assert fields["model.fused_experts"] is False
    assert {"lm_head", "embed_tokens", "q_proj", "gate_proj"} <= set(fields["model.module_names"])
    assert "c_attn" not in fields["model.module_names"]


def test_an_auto_class_chooses_the_architecture() -> None:
    assert (
        _fields("google/flan-t5-base", "AutoModelForSeq2SeqLM")["model.architecture"]
        == "T5ForConditionalGeneration"
    )
    assert (
        _fields("openai/whisper-small", "AutoModelForSpeechSeq2Seq")["model.architecture"]
        == "WhisperForConditionalGeneration"
    )


def test_what_follows_from_a_replaceable_name_is_replaceable() -> None:
    for weak in (True, False):
        run = Run()
        run.fields["model.name"] = Value(KNOWN, "google/flan-t5-xl", None, "file", weak=weak)
        fields = family_fields(cast(Project, _NoFiles()), run, "")
        assert {value.weak for value in fields.values()} == {weak}

"""Who reads a document: the tabled classes its keys end up in, and what becomes of a key that none of them has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cfglint.checks.seen_releases import newest, seen
from cfglint.model.run import Document, Run
from cfglint.parse.tree import Entry, Mapping, Scalar
from cfglint.resolve import fieldtable
from cfglint.source import Source

Class = tuple[str, str]

#: The classes that LLaMA-Factory fills from one file.
LLAMAFACTORY: tuple[Class, ...] = (
    ("llamafactory", "ModelArguments"),
    ("llamafactory", "DataArguments"),
    ("llamafactory", "FinetuningArguments"),
    ("llamafactory", "TrainingArguments"),
    ("llamafactory", "GeneratingArguments"),
    ("llamafactory", "EvaluationArguments"),
    ("llamafactory", "RayArguments"),
    ("transformers", "Seq2SeqTrainingArguments"),
)
#: Keys of other trainers that LLaMA-Factory hands a file to: its v1 trainer, Megatron through mcore_adapter.
_NOT_LLAMAFACTORY = frozenset(
    [
        "model_class",
        "dist_config",
        "peft_config",
        "quant_config",
        "kernel_config",
        "tensor_model_parallel_size",
        "pipeline_model_parallel_size",
        "expert_model_parallel_size",
        "use_distributed_optimizer",
        "sequence_parallel",
    ]
)
#: Axolotl's sections whose keys are all tabled; the others take more (fsdp_config strips a prefix, for one).
_AXOLOTL_SECTIONS = frozenset(("trl", "vllm", "qat"))
#: The monitors' sections are fields of a class of their own.
_DEEPSPEED: tuple[Class, ...] = (
    ("deepspeed", "DeepSpeedMonitorConfig"),
    ("deepspeed", "DeepSpeedConfig"),
)
_SWIFT: tuple[Class, ...] = (
    ("ms-swift", "SftArguments"),
    ("ms-swift", "TrainArguments"),
    ("ms-swift", "RLHFArguments"),
    ("ms-swift", "MegatronArguments"),
    ("transformers", "Seq2SeqTrainingArguments"),
)
#: A file's keys become flags of the command that reads it (swift/cli/main.py, prepare_config_args), whichever that is.
_SWIFT_FILE: tuple[Class, ...] = (*_SWIFT, ("ms-swift", "InferArguments"), ("ms-swift", "ExportArguments"))
#: Keys of files for commands whose arguments are not tabled: sampling, Ray's groups and their sections.
_OTHER_SWIFT = frozenset(
    (
        *("sampler_type", "sampler_engine", "num_sampling_batch_size", "device_groups"),
        *("colocate_groups", "train", "rollout", "teacher"),
    )
)
_TRL_SCRIPTS = {
    "sft": "SFTConfig",
    "dpo": "DPOConfig",
    "kto": "KTOConfig",
    "grpo": "GRPOConfig",
    "reward": "RewardConfig",
    "rloo": "RLOOConfig",
}

_RAISES = "the call raises TypeError"
_DROPPED = "it is dropped, with a line in the INFO log at most"
_NOT_USED = "the start stops with “Some specified arguments are not used by the HfArgumentParser”"


class Reader(NamedTuple):
    """What reads one mapping of settings.

    ``name`` stands in messages; ``loader`` says how values get their types (as a dialect's loader); ``unknown`` is the
    severity of a key that no class has ("" where it is accepted), ``then`` what becomes of it. ``path`` stands before
    the keys in messages ("zero_optimization."). ``nulls`` are entries that hold null, where the loader drops those that
    it does not know; they are not among ``entries``.
    """

    name: str
    classes: tuple[Class, ...]
    loader: str
    unknown: str
    then: str
    source: Source
    entries: tuple[Entry, ...]
    path: str = ""
    drops: bool = False
    nulls: tuple[Entry, ...] = ()


def readers(run: Run) -> Iterator[Reader]:
    """The readers of all documents of a run whose classes are tabled."""
    for document in run.documents:
        kind = document.layout.kind
        if not document.layout.entries:
            continue
        if kind == "call":
            yield from _call(run, document)
        elif kind == "mapping":
            yield from _mapping(run, document)
        else:
            yield from _command(document)


def _call(run: Run, document: Document) -> Iterator[Reader]:
    library, _, _ = document.layout.callee.partition(".")
    name = document.layout.callee.rsplit(".", 1)[-1]
    unsloth = run.fields.get("framework.unsloth")
    if (
        library not in ("transformers", "trl", "peft")
        or document.source.slice(document.layout.anchor).rpartition(".")[2] != name
    ):
        return  # a class of the script's own, derived from a library's, may take more
    if library == "trl" and (
        ".experimental." in document.layout.callee or (unsloth is not None and unsloth.value is True)
    ):
        return  # Unsloth replaces TRL's configs and trainers by its own, which take the old names too
    name = {"Seq2SeqTrainer": "Trainer.__init__"}.get(name, name)
    known = fieldtable.classes(library)
    cls = name if name in known else f"{name}.__init__"
    if cls in known:
        source, entries = document.source, document.layout.entries
        # The quantization configs take **kwargs, and look at none of them.
        drops = any(
            fieldtable.takes_any_keyword(library, cls, release)
            for release in seen(run, library).releases[-1:]
        )
        unknown, then = ("warning", _DROPPED) if drops else ("error", _RAISES)
        reader = name.removesuffix(".__init__")
        yield Reader(reader, ((library, cls),), "python", unknown, then, source, entries, drops=drops)
        given = next((entry.value for entry in entries if entry.key.value == "accelerator_config"), None)
        if isinstance(given, Mapping) and ("transformers", "TrainingArguments") in joined(((library, cls),)):
            config = (("transformers", "AcceleratorConfig"),)
            path = "accelerator_config."
            yield Reader("AcceleratorConfig", config, "python", "error", _RAISES, source, given.entries, path)


def _mapping(run: Run, document: Document) -> Iterator[Reader]:
    source, entries = document.source, document.layout.entries
    keys = {str(entry.key.value) for entry in entries}
    if document.dialect == "llamafactory":
        if not keys & _NOT_LLAMAFACTORY:
            yield Reader(
                "LLaMA-Factory",
                LLAMAFACTORY,
                "omegaconf",
                "error",
                "the start stops with “Some keys are not used by the HfArgumentParser”",
                source,
                entries,
            )
    elif document.dialect == "axolotl":
        # A plugin whose settings are not tabled may bring any keys. An empty key is dropped too, and says nothing.
        own = any(name.rpartition(".")[0] not in _tabled_plugins() for name in _texts(entries, "plugins"))
        unknown, said = "" if own else "warning", _stated(entries)
        reader = Reader(
            *("Axolotl", _axolotl(), "pydantic", unknown, "it is dropped without a word", source, said),
            nulls=_nulls(entries),
        )
        yield reader
        for section in _sections(run, reader):
            known = section.path.split(".", 1)[0] in _AXOLOTL_SECTIONS
            yield section if known else section._replace(unknown="")
    elif document.dialect == "deepspeed":
        kept = tuple(
            entry for entry in _stated(entries) if not str(entry.key.value).startswith(("_", "//", "#"))
        )
        reader = Reader(
            *("DeepSpeed", _DEEPSPEED, "json", "warning", "it is ignored without a word", source, kept),
            nulls=_nulls(entries),
        )
        yield reader
        for section in _sections(run, reader):
            yield section._replace(unknown="error", then="DeepSpeed's validation rejects the file")
    elif document.dialect == "accelerate":
        cls = (
            "SageMakerConfig"
            if "AMAZON_SAGEMAKER" in _texts(entries, "compute_environment")
            else "ClusterConfig"
        )
        # accelerate/commands/config/config_args.py turns a leading fp16 into mixed_precision.
        kept = tuple(entry for entry in entries if entry.key.value != "fp16")
        yield Reader(
            "accelerate",
            (("accelerate", cls),),
            "json",
            "error",
            "accelerate launch stops at it",
            source,
            kept,
        )
    elif document.dialect == "ms-swift" and not keys & _OTHER_SWIFT:
        # ENV holds environment variables, in files of the Megatron commands.
        kept = tuple(entry for entry in entries if entry.key.value != "ENV")
        yield Reader(
            "ms-swift", _SWIFT_FILE, "argv", "error", "the start stops at the flag made of it", source, kept
        )
    elif document.dialect in ("transformers", "trl"):
        # Somebody's own YAML: these names mean what TrainingArguments makes of them, the others are anybody's.
        yield Reader(
            "TrainingArguments",
            (("transformers", "Seq2SeqTrainingArguments"),),
            _own_loader(run, document),
            "",
            "",
            source,
            entries,
        )


def _own_loader(run: Run, document: Document) -> str:
    """How a script's own YAML gets its types: "hf" only where the script says so, else "any" loader."""
    if "read_arguments_file" in run.steps and document.dialect == "transformers":
        return "hf"
    return "any"


def _command(document: Document) -> Iterator[Reader]:
    program, _, subcommand = document.layout.callee.partition(" ")
    source, entries = document.source, document.layout.entries
    if program == "llamafactory-cli":
        yield Reader("LLaMA-Factory", LLAMAFACTORY, "argv", "error", _NOT_USED, source, entries)
    elif program == "swift" and subcommand in ("sft", "pt", "rlhf"):
        yield Reader("ms-swift", _SWIFT, "argv", "error", _NOT_USED, source, entries)
    elif program == "trl" and subcommand in _TRL_SCRIPTS:
        yield Reader(
            f"trl {subcommand}", (("trl", _TRL_SCRIPTS[subcommand]),), "argv", "", "", source, entries
        )


def _sections(run: Run, reader: Reader) -> Iterator[Reader]:
    """The readers of the mappings that a table's pydantic classes stand for, at all depths."""
    library = reader.classes[0][0]
    release = newest(run, library)
    for entry in reader.entries if release else ():
        cls = _section_class(reader.classes, str(entry.key.value), release)
        if cls is not None and isinstance(entry.value, Mapping):
            section = reader._replace(
                classes=((library, cls),),
                entries=entry.value.entries,
                path=f"{reader.path}{entry.key.value}.",
                nulls=(),
            )
            yield section
            yield from _sections(run, section)


@lru_cache(maxsize=512)
def _section_class(classes: tuple[Class, ...], key: str, release: str) -> str | None:
    """The tabled class that a key's mapping becomes at a release: ``fp16`` is a DeepSpeedFP16Config since 0.18."""
    for library, cls in classes:
        row = fieldtable.row_of(library, cls, key, release) or {}
        for name in (row.get("model", ""), *str(row.get("type", "")).split(" | ")):
            if name in fieldtable.classes(library):
                return str(name)
    return None


def _texts(entries: tuple[Entry, ...], key: str) -> list[str]:
    """A key's scalar, or the scalars of its list, as text."""
    node = next((entry.value for entry in entries if entry.key.value == key), None)
    items = getattr(node, "items", (node,))
    return [str(item.value) for item in items if isinstance(item, Scalar)]


def _stated(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Entries without those that are null."""
    return tuple(
        entry for entry in entries if not (isinstance(entry.value, Scalar) and entry.value.value is None)
    )


def _nulls(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry not in _stated((entry,)))


@lru_cache(maxsize=1)
def _tabled_plugins() -> frozenset[str]:
    """The packages of Axolotl's integrations whose settings are tabled."""
    newest = fieldtable.releases("axolotl")[-1]
    modules = (fieldtable.module_of("axolotl", cls, newest) or "" for _, cls in _axolotl())
    return frozenset(module.rpartition(".")[0] for module in modules)


@lru_cache(maxsize=1)
def _axolotl() -> tuple[Class, ...]:
    """AxolotlInputConfig and the arguments that its own integrations merge into it."""
    merged = [name for name in fieldtable.classes("axolotl") if name.endswith("Args")]
    return tuple(("axolotl", name) for name in ("AxolotlInputConfig", *merged))


@lru_cache(maxsize=64)
def joined(classes: tuple[Class, ...]) -> tuple[Class, ...]:
    """Classes with the bases that other tables hold, each once."""
    found: list[Class] = []
    for item in classes:
        if item not in found:
            found.append(item)
        for base in joined(fieldtable.bases(*item)):
            if base not in found:
                found.append(base)
    return tuple(found)

"""Who is in charge of a run, by all its documents: the framework, and whether DeepSpeed and FSDP can still join."""

from __future__ import annotations

from cfglint.model.run import Run
from cfglint.model.value import KNOWN, UNSET, Place, Value, unknown
from cfglint.resolve.vocabulary import Vocabulary

#: Frameworks that start a run themselves, so that a config without `deepspeed` runs without it.
_LAUNCHING = ("llamafactory", "axolotl", "ms-swift")


def framework(vocabulary: Vocabulary, run: Run) -> None:
    """The framework in charge, and the namespaces of those that are not."""
    names = [vocabulary.dialects[dialect]["framework"] for dialect in run.dialects]
    unsloth = run.fields.get("framework.unsloth")
    order = ["llamafactory", "axolotl", "ms-swift", "torchtune", "unsloth", "trl", "trainer"]
    if unsloth is not None and unsloth.value is True:
        names.append("unsloth")
    found = next((name for name in order if name in names), "")
    if found:
        document = next(
            (doc for doc in run.documents if vocabulary.dialects[doc.dialect]["framework"] == found),
            run.documents[0],
        )
        run.fields["framework.name"] = Value(
            KNOWN, found, Place(document.source, document.layout.anchor), "derived"
        )
        run.fields.setdefault("framework.unsloth", Value(KNOWN, False, None, "derived"))
    for namespace in vocabulary.native:
        if not any(vocabulary.dialects[name]["namespace"] == namespace for name in run.dialects):
            run.provided.add(namespace)


def engines(run: Run, launched: bool) -> None:
    """Whether DeepSpeed and FSDP may still come from a file or flag that was not read."""
    deepspeed = run.fields.get("training.deepspeed")
    stated = deepspeed is not None and deepspeed.state != UNSET
    framework = run.fields.get("framework.name")
    in_charge = framework is not None and framework.value in _LAUNCHING
    by_accelerate = any(
        document.dialect == "accelerate" and document.layout.kind == "mapping" for document in run.documents
    )
    # Without a config file `accelerate launch` reads the user's own default one.
    launcher = run.fields.get("launch.launcher")
    launched = launched and launcher is not None and launcher.value != "accelerate launch"
    if "training" in run.provided and not stated and (in_charge or by_accelerate or launched):
        run.provided.add("deepspeed")
    elif stated and "deepspeed" not in run.provided and deepspeed is not None and deepspeed.state == KNOWN:
        run.fields.setdefault(
            "deepspeed.active", Value(KNOWN, True, deepspeed.place, "linked", "", None, deepspeed.key)
        )
    fsdp = run.fields.get("training.fsdp")
    if fsdp is not None and fsdp.state == KNOWN and fsdp.value not in ("", [], False):
        run.fields.setdefault("fsdp.active", fsdp._replace(value=True))
        config = run.fields.get("training.fsdp_config")
        # TrainingArguments' own FSDP settings: whole unless they stand in a file that was not read.
        if "training" in run.provided and (
            config is None
            or config.state == UNSET
            or isinstance(config.value, dict)
            or "fsdp_config" in run.dialects
        ):
            run.provided.add("fsdp")
    elif "training" in run.provided and (in_charge or by_accelerate or launched):
        run.provided.add("fsdp")
        run.fields.setdefault("fsdp.active", Value(KNOWN, False, None, "derived"))
    adapter = run.fields.get("adapter.method")
    if adapter is None and "adapter" in run.provided and run.steps_known:
        run.fields["adapter.method"] = Value(KNOWN, "none", None, "derived")
    elif adapter is None and run.steps_known is False:
        run.fields["adapter.method"] = unknown("the script calls code of other files")

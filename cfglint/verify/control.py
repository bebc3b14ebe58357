"""The healthy control: the arm in which the symptom must not appear, whatever the others show. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cfglint.verify.engines import healthy_settings
from cfglint.verify.probes import Probe
from cfglint.verify.spec import HEALTHY, Arm, Settings


def healthy_arm(
    probe: Probe,
    block: Mapping[str, Any],
    arms: Sequence[Arm],
    reads: set[str],
    model: str,
    workload: Settings,
    overrides: Settings,
    engine: str,
) -> Arm:
    """The control by the probe's recipe, with what the rule's own block says of it."""
    configured = arms[0].settings
    own = block.get("control", {})
    kind = probe.control
    if kind == "fixed_or_minimal":
        kind = "fixed" if len(arms) > 1 else "minimal"
    if kind == "unprovoked" and "activation_peak" not in workload:
        # Nothing is provoked (trained weights, a rule's own experiment), so that would be the same arm again.
        kind = "minimal"
    if kind == "minimal":
        settings = _minimal(configured, reads - {*probe.control_keeps}, probe.control_keeps)
        settings.update(healthy_settings(engine, configured))
    else:
        settings = dict(arms[-1].settings if kind == "fixed" else configured)
    settings.update(probe.control_settings)
    settings.update(own.get("settings", {}))
    for gone in own.get("unset", ()):
        settings = {
            field: value for field, value in settings.items() if not (field + ".").startswith(gone + ".")
        }
    of_control = {**workload, **probe.control_workload, **own.get("workload", {})}
    if kind == "unprovoked":
        of_control.pop("activation_peak", None)
    if kind == "other_model":
        of_control["model"] = "gpt2" if model == "llama" else "llama"
        settings.pop("model.architecture", None)
        settings.pop("lora.target_modules", None)
    if "model" in own:
        of_control["model"] = own["model"]
        settings.pop("model.architecture", None)
    return Arm(HEALTHY, settings, overrides, of_control)


def _minimal(settings: Settings, reads: set[str], keeps: Sequence[str]) -> dict[str, Any]:
    """A plain run: default optimizer and precision, and a plain adapter where the run trains one."""
    found: dict[str, Any] = {"training.per_device_train_batch_size": 8}
    if "training.learning_rate" in reads:
        found["training.learning_rate"] = 1e-3
    elif "training.learning_rate" in settings:
        found["training.learning_rate"] = settings["training.learning_rate"]
    if any(field.startswith("lora.") for field in settings):
        found.update({"lora.r": 8, "lora.lora_alpha": 16})
        if "lora.target_modules" in settings:
            own = settings["lora.target_modules"]
            found["lora.target_modules"] = "all-linear" if "lora.target_modules" in reads else own
    for field in ("data.packing", "model.tied_embeddings", *keeps):
        if field in settings and field not in reads:
            found[field] = settings[field]
    return found

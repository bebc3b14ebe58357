"""Which trainer stands for a run's own, and when none does. No torch."""

from __future__ import annotations

from collections.abc import Collection

from cfglint.verify.spec import Settings

PLAIN_TRAINER = "trainer"
# TRL's methods that the worker has data for; the others are trained as plain language modelling.
TRL_METHODS = ("sft", "dpo", "cpo", "orpo")
LANGUAGE_MODELLING = (None, "sft", "pt")
# Tools that call TRL's or transformers' trainers as they are.
USE_TRL = (None, "trl", "trainer", "unsloth")


def trainer_of(settings: Settings) -> str:
    """The trainer class of an experiment: one of TRL's, or transformers' own."""
    named, method = str(settings.get("trainer.class_name", "")), settings.get("trainer.method")
    if named:
        of_class = named.removesuffix("Trainer").lower()
        return of_class if of_class in TRL_METHODS else PLAIN_TRAINER
    own = settings.get("framework.name") in USE_TRL
    return str(method) if own and method in TRL_METHODS else PLAIN_TRAINER


def stand_in(settings: Settings, reads: Collection[str], trainer: str) -> tuple[str, str]:
    """What is assumed where another trainer stands for the run's; or, second, why none can.

    A condition that reads the method, or a setting of preference learning, is about that method's own code.
    """
    method = settings.get("trainer.method")
    if method in LANGUAGE_MODELLING or trainer == method:
        return "", ""
    about = sorted(
        f for f in reads if f.startswith(("trainer.", "preference.")) and settings.get(f) is not None
    )
    if about:
        return "", f"depends on {about[0]}, and the experiment does not train with {method}"
    return f"plain language modelling stands for {method}", ""

"""What an arm really did: raw losses, gradient norms, weight changes, dtypes and the scaler's life.

The trainer's log is no witness: it rounds, and replaces NaN by zero.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from transformers import TrainerCallback

GROUPS = (
    ("modules_to_save", "modules_to_save"),
    ("lora_A", "lora_A"),
    ("lora_embedding_A", "lora_A"),
    ("lora_B", "lora_B"),
    ("lora_embedding_B", "lora_B"),
    ("lm_head", "head"),
    ("embed", "embedding"),
    ("wte", "embedding"),
    ("shared", "embedding"),
    ("vision", "vision"),
    ("visual", "vision"),
    ("norm", "norm"),
)


# Beyond this many trained weights, a step's change is estimated from evenly spread ones.
MOST_WATCHED = 20_000_000


def group_of(name: str) -> str:
    """The group under which a parameter's change is added up."""
    for part, group in GROUPS:
        if part in name:
            return group
    return "layers"


def is_sharded(model: Any) -> bool:
    """Whether ZeRO-3 keeps the weights of a model."""
    return any(hasattr(parameter, "ds_id") for parameter in model.parameters())


def whole(model: Any) -> Any:
    """A context in which the weights of a model are whole: ZeRO-3 leaves empty tensors in their place."""
    if not is_sharded(model):
        return contextlib.nullcontext()
    from deepspeed import zero

    return zero.GatheredParameters(list(model.parameters()))


def _adapter_products(model: Any) -> dict[str, Any]:
    """What each adapter of a PEFT model adds to its layer's weight."""
    found = {}
    for name, module in model.named_modules():
        for adapter in getattr(module, "scaling", ()) if hasattr(module, "get_delta_weight") else ():
            if adapter in module.lora_A:
                with torch.no_grad():
                    found[name] = module.get_delta_weight(adapter).double()
    return found


class Recorder(TrainerCallback):
    """Hooks itself into a trainer and keeps what happens, unrounded."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.step_losses: list[float] = []
        self.grad_norms: list[float] = []
        self.applied_norms: list[float] = []
        self.learning_rates: list[float] = []
        self.step_changes: list[float] = []
        self.scales: list[float] = []
        self.dtypes: dict[str, set[str]] = {}
        self.steps = 0
        self._pending = 0.0
        self._applied: float | None = None
        self._trainer: Any = None
        self._before: dict[str, Any] = {}
        self._products: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._stride = 1

    def attach(self, trainer: Any) -> None:
        """Wraps the trainer's loss, step and clipping, and hooks the model's linear layers."""
        self._trainer = trainer
        compute_loss, training_step = trainer.compute_loss, trainer.training_step
        clip = trainer.accelerator.clip_grad_norm_

        def recorded_loss(*arguments: Any, **named: Any) -> Any:
            found = compute_loss(*arguments, **named)
            loss = found[0] if isinstance(found, tuple) else found
            self.losses.append(float(loss.detach().float()))
            return found

        def recorded_step(*arguments: Any, **named: Any) -> Any:
            loss = training_step(*arguments, **named)
            self._pending += float(loss.detach().float())
            return loss

        def recorded_clip(*arguments: Any, **named: Any) -> Any:
            norm = clip(*arguments, **named)
            engine = self._trainer.model_wrapped
            if norm is None and hasattr(engine, "get_global_grad_norm"):
                # DeepSpeed has clipped and made its step by now; it keeps the norm from before.
                norm = engine.get_global_grad_norm()
            self.grad_norms.append(float("nan") if norm is None else float(norm))
            return norm

        trainer.compute_loss = recorded_loss
        trainer.training_step = recorded_step
        trainer.accelerator.clip_grad_norm_ = recorded_clip
        trainer.add_callback(self)
        model = trainer.model
        with whole(model):
            for name, parameter in model.named_parameters():
                self._saw("weights", parameter)
                if parameter.requires_grad:
                    self._saw("trainable", parameter)
                    self._saw(group_of(name), parameter)
                    self._before[name] = parameter.detach().clone()
            self._products = _adapter_products(model)
        self._stride = 1 + sum(before.numel() for before in self._before.values()) // MOST_WATCHED
        self._last = {name: before.reshape(-1)[:: self._stride] for name, before in self._before.items()}
        for module in model.modules():
            if "Linear" in type(module).__name__ or type(module).__name__ == "Conv1D":
                module.register_forward_hook(lambda _module, _inputs, output: self._saw("linear", output))

    def _saw(self, what: str, tensor: Any) -> None:
        if isinstance(tensor, torch.Tensor):
            self.dtypes.setdefault(what, set()).add(str(tensor.dtype).replace("torch.", ""))

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """Hooks the optimizer, which the trainer has built by now."""
        scaler = getattr(self._trainer.accelerator, "scaler", None)
        if scaler is not None:
            self.scales.append(float(scaler.get_scale()))
        optimizer = named.get("optimizer") or self._trainer.optimizer
        # Accelerate wraps torch's optimizer, and so does DeepSpeed.
        while hasattr(optimizer, "optimizer"):
            optimizer = optimizer.optimizer
        if hasattr(optimizer, "register_step_pre_hook"):
            optimizer.register_step_pre_hook(self._before_update)

    def _before_update(self, optimizer: Any, _arguments: Any, _named: Any) -> None:
        squares = 0.0
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    squares += float(parameter.grad.detach().float().norm()) ** 2
        if self._applied is None:
            self.learning_rates.append(float(optimizer.param_groups[0]["lr"]))
        # ZeRO-3 calls its optimizer once for each group of weights.
        self._applied = math.hypot(self._applied or 0.0, math.sqrt(squares))

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """Closes one optimizer step."""
        self.steps += 1
        self.step_losses.append(self._pending)
        self._pending = 0.0
        if self._applied is not None:
            self.applied_norms.append(self._applied)
            self._applied = None
        with whole(self._trainer.model):
            self.step_changes.append(self._moved())
        scaler = getattr(self._trainer.accelerator, "scaler", None)
        if scaler is not None:
            self.scales.append(float(scaler.get_scale()))

    def _moved(self) -> float:
        """How far the trained weights moved since the last call: the Frobenius norm, or its estimate."""
        squares = 0.0
        for name, parameter in self._trainer.model.named_parameters():
            last: Any | None = self._last.get(name)
            if last is None:
                continue
            now = parameter.detach().reshape(-1)[:: self._stride].clone()
            squares += float((now.double() - last.to(now.dtype).double()).norm()) ** 2
            self._last[name] = now
        return math.sqrt(squares * self._stride)

    def changes(self) -> dict[str, dict[str, Any]]:
        """How the trainable weights differ from their start, by group and under `all`."""
        with whole(self._trainer.model):
            return self._changes()

    def _changes(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, parameter in self._trainer.model.named_parameters():
            before: Any | None = self._before.get(name)
            if before is None:
                continue
            after = parameter.detach()
            # DeepSpeed casts the weights when training starts, which is no change of them.
            before = before.to(after.dtype)
            difference = after.double() - before.double()
            for group in ("all", group_of(name)):
                record = found.setdefault(group, {"elements": 0, "changed": 0, "norm": 0.0, "nonfinite": 0})
                record["elements"] += before.numel()
                record["changed"] += int((after != before).sum())
                record["norm"] = math.hypot(record["norm"], float(difference.norm()))
                record["nonfinite"] += int((~torch.isfinite(after)).sum())
        if self._products:
            found["adapted"] = self._adapted()
        return found

    def _adapted(self) -> dict[str, Any]:
        """How far the adapters moved the weights that they adapt, scale included (an optimizer does not see
        it).
        """
        record = {"elements": 0, "changed": 0, "norm": 0.0, "nonfinite": 0}
        for name, after in _adapter_products(self._trainer.model).items():
            difference = after - self._products[name]
            record["elements"] += difference.numel()
            record["changed"] += int((difference != 0).sum())
            record["norm"] = math.hypot(record["norm"], float(difference.norm()))
            record["nonfinite"] += int((~torch.isfinite(difference)).sum())
        return record

    def record(self, finished: bool) -> dict[str, Any]:
        """Everything recorded, in the arm result's words; where an exception ended it, without weights that
        ZeRO-3 was just moving.
        """
        model = getattr(self._trainer, "model", None)
        readable = model is not None and (finished or not is_sharded(model))
        # A fused optimizer is called even for a step that it skips, so only a shrinking scale tells.
        skipped = sum(self.scales[n] < self.scales[n - 1] for n in range(1, len(self.scales)))
        scaler = {"scales": self.scales, "skipped": skipped} if self.scales else None
        log = self._trainer.state.log_history if self._trainer is not None else []
        numbers = [
            {key: float(v) for key, v in entry.items() if isinstance(v, (int, float))} for entry in log
        ]
        return {
            "losses": self.losses,
            "step_losses": self.step_losses,
            "logged": numbers,
            "grad_norms": self.grad_norms or self.applied_norms,
            "applied_norms": self.applied_norms,
            "learning_rates": self.learning_rates,
            "step_changes": self.step_changes,
            "changes": self.changes() if readable else {},
            "dtypes": {what: sorted(names) for what, names in self.dtypes.items()},
            "scaler": scaler,
        }

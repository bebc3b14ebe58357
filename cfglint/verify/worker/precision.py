"""float16 on a machine without a GPU, and the activations that make it overflow.

Trainer silently trains `fp16: true` in float32 on a CPU, so a naive run there would refute a true finding.
torch's own autocast and GradScaler both work on CPUs; here they are put where accelerate puts them on a GPU.
"""

from __future__ import annotations

from typing import Any

import torch

# A weight beyond this would itself become infinite in float16 and prove nothing about activations.
LARGEST_WEIGHT = 5e4
# Linear layers whose output is added to the residual stream, by the end of their name.
RESIDUAL_WRITERS = ("mlp.down_proj", "mlp.c_proj", "DenseReluDense.wo", ".fc2", ".w2", "experts.0.down_proj")
INNER_PARTNERS = {
    "mlp.down_proj": ("mlp.up_proj", "mlp.gate_up_proj"),
    "mlp.c_proj": ("mlp.c_fc",),
    "DenseReluDense.wo": ("DenseReluDense.wi",),
    ".fc2": (".fc1",),
    ".w2": (".w3",),
    "experts.0.down_proj": ("experts.0.up_proj",),
}


def emulate_float16(trainer: Any) -> None:
    """Gives a trainer that runs on a CPU the float16 autocast and gradient scaler that it would have on a
    GPU.
    """
    state = trainer.accelerator.state
    state._mixed_precision = "fp16"
    trainer.accelerator.native_amp = True
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu")


def raise_activations(model: Any, peak: float, batch: dict[str, Any], inside_linear: bool = False) -> float:
    """Rescales weights of the first layer until its output peaks at `peak`; returns the peak that was
    reached.

    Families with a norm after the feed-forward layer get a larger norm weight there, as their trained
    checkpoints have; others larger feed-forward weights. `inside_linear` raises what a linear layer computes
    itself: quantized layers compute in float16 and return what they were given, often float32.
    """
    norms = (
        []
        if inside_linear
        else [module for name, module in model.named_modules() if name.endswith("post_feedforward_layernorm")]
    )
    if norms:
        norm = norms[0]
        with torch.no_grad():
            reached = _peak_of(model, norm, batch)
            # Gemma's norms multiply with one plus their weight.
            norm.weight.add_(1.0).mul_(peak / max(reached, 1e-9)).sub_(1.0).clamp_(max=LARGEST_WEIGHT)
            return _peak_of(model, norm, batch)
    for end in RESIDUAL_WRITERS:
        writers = [(name, module) for name, module in model.named_modules() if name.endswith(end)]
        if writers:
            return _raise_feed_forward(model, writers[0], end, peak, batch)
    return 0.0


def _raise_feed_forward(model: Any, writer: Any, end: str, peak: float, batch: dict[str, Any]) -> float:
    name, module = writer
    stem = name[: -len(end)]
    partners = [
        part for key, part in model.named_modules() if key in [stem + inner for inner in INNER_PARTNERS[end]]
    ]
    reached = _peak_of(model, module, batch)
    for _ in range(8):
        if 0.9 * peak <= reached <= 1.1 * peak or reached == 0.0:
            break
        factor = (peak / reached) ** (0.5 if partners else 1.0)
        with torch.no_grad():
            for weight in [module.weight] + [partner.weight for partner in partners]:
                weight.mul_(factor).clamp_(-LARGEST_WEIGHT, LARGEST_WEIGHT)
        reached = _peak_of(model, module, batch)
    return reached


def _peak_of(model: Any, module: Any, batch: dict[str, Any]) -> float:
    seen: list[float] = []
    hook = module.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.abs().max().item())
    )
    try:
        with torch.no_grad():
            model(**batch)
    finally:
        hook.remove()
    return max(seen, default=0.0)

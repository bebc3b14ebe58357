"""What is looked at besides the training itself: the first batch, leaks between documents, what saving and
merging keep.
"""

from __future__ import annotations

import copy
import glob
import os
from collections.abc import Callable
from typing import Any

import torch

from .data import LENGTH
from .models import EOS
from .recorder import whole

Inspection = Callable[[Any, dict[str, Any], str], dict[str, Any]]
DOCUMENT = LENGTH // 2


def first_batch(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How many tokens of the trainer's own first batch are supervised, and how many of its end-of-text
    tokens.
    """
    batch = next(iter(trainer.get_train_dataloader()))
    labels, tokens = batch["labels"], batch.get("input_ids")
    found = {"supervised": [int(count) for count in (labels != -100).sum(-1).reshape(-1)]}
    if tokens is not None and tokens.shape == labels.shape:
        ends = tokens == EOS
        # The first end-of-text token of a row is the text's own; where padding is EOS too, the rest are
        # padding.
        own = ends & (ends.cumsum(-1) == 1)
        found["ends"] = [int(own.sum()), int((own & (labels != -100)).sum())]
    return found


def packing_leak(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How far the second document's hidden states move when only the first document is changed.

    Through the trainer's own loss: a bare forward builds a cache, and with it another attention mask.
    """
    batch = {name: value.clone() for name, value in next(iter(trainer.get_train_dataloader())).items()}
    if batch["input_ids"].shape[-1] < 2 * DOCUMENT:
        raise ValueError("no two documents were packed together")
    norms = [module for module in trainer.model.modules() if "Norm" in type(module).__name__]
    seen: list[Any] = []
    hook = norms[-1].register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.detach().clone())
    )
    trainer.model.eval()
    try:
        for first_token in (None, 7):
            if first_token is not None:
                batch["input_ids"][0, 1 : DOCUMENT - 2] = first_token
            with torch.no_grad():
                trainer.compute_loss(trainer.model, trainer._prepare_inputs(dict(batch)))
    finally:
        hook.remove()
    second = (seen[0] - seen[1]).abs()[0, DOCUMENT : 2 * DOCUMENT]
    own = (seen[0] - seen[1]).abs()[0, 1 : DOCUMENT - 1]
    return {"leak": float(second.max()), "own_change": float(own.max())}


def saved_adapter(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """What of a trained adapter is in the file that the trainer saves."""
    from safetensors.torch import load_file

    if workload.get("state_dict_snippet"):
        _state_dict_snippet(trainer.model)
    out = os.path.join(scratch, "saved")
    trainer.save_model(out)
    tensors: dict[str, Any] = {}
    for path in glob.glob(os.path.join(out, "adapter_model.safetensors")):
        tensors.update(load_file(path))
    for path in glob.glob(os.path.join(out, "adapter_model.bin")):
        tensors.update(torch.load(path, weights_only=True))
    learned = {
        name: value for name, value in tensors.items() if "lora_B" in name or "lora_embedding_B" in name
    }
    alive = sum(1 for value in learned.values() if value.numel() and bool(value.any()))
    with whole(trainer.model):
        trained = [p for n, p in trainer.model.named_parameters() if "lora_B" in n and bool(p.detach().any())]
    return {"saved_tensors": len(tensors), "saved_nonzero": alive, "trained_nonzero": len(trained)}


def _state_dict_snippet(model: Any) -> None:
    """The replacement of `state_dict` that early LoRA scripts carry along."""
    from peft import get_peft_model_state_dict

    original = model.state_dict
    model.state_dict = lambda *_arguments, **_named: get_peft_model_state_dict(model, original())


def merged(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How far the merged model's logits are from the adapter's, in memory and after saving and loading."""
    model = trainer.model.eval()
    batch = _plain_batch(trainer)
    with torch.no_grad():
        before = model(**batch).logits.float()
        united = copy.deepcopy(model).merge_and_unload()
        after = united(**batch).logits.float()
        out = os.path.join(scratch, "merged")
        united.save_pretrained(out)
        loaded = type(united).from_pretrained(out).to(before.device).eval()
        reloaded = loaded(**batch).logits.float()
    scale = max(float(before.abs().max()), 1e-6)
    return {
        "merge_difference": float((after - before).abs().max()) / scale,
        "reload_difference": float((reloaded - before).abs().max()) / scale,
    }


def tying(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """Whether input and output embeddings are still one tensor where the architecture ties them."""
    model = trainer.model
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    rows = _effective_weight(base.get_input_embeddings())
    head = _effective_weight(base.get_output_embeddings())
    return {
        "should_tie": bool(getattr(config, "tie_word_embeddings", False)),
        "one_tensor": rows.data_ptr() == head.data_ptr(),
        "tied_difference": float((rows.detach().float() - head.detach().float()).abs().max()),
    }


def _effective_weight(module: Any) -> Any:
    copies = getattr(module, "modules_to_save", None)
    if copies is not None:
        module = copies[
            module.active_adapter if isinstance(module.active_adapter, str) else module.active_adapter[0]
        ]
    return getattr(module, "base_layer", module).weight


def targets(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How many modules each name of the adapter's target list caught."""
    config = next(iter(trainer.model.peft_config.values()))
    wrapped = [name for name, module in trainer.model.named_modules() if hasattr(module, "lora_A")]
    names = config.target_modules
    names = [names] if isinstance(names, str) else sorted(names or ())
    return {
        "targets": {name: sum(1 for w in wrapped if w.endswith(name)) for name in names},
        "wrapped": len(wrapped),
    }


def adapted_layers(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How many modules are adapted in the layers that the adapter's configuration names, and how many
    elsewhere.
    """
    config = next(iter(trainer.model.peft_config.values()))
    wanted = config.layers_to_transform
    wanted = [wanted] if isinstance(wanted, int) else wanted
    found = [name.split(".") for name, module in trainer.model.named_modules() if hasattr(module, "lora_A")]
    layers = [next(int(part) for part in parts if part.isdigit()) for parts in found]
    inside = sum(1 for layer in layers if wanted is None or layer in wanted)
    return {"adapted_inside": inside, "adapted_outside": len(layers) - inside}


def adapter_start(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How far the untrained adapter moves the model's logits, relative to the largest."""
    model = trainer.model.eval()
    batch = _plain_batch(trainer)
    with torch.no_grad():
        adapted = model(**batch).logits.float()
        with model.disable_adapter():
            plain = model(**batch).logits.float()
    model.train()
    return {"start_difference": float((adapted - plain).abs().max()) / max(float(plain.abs().max()), 1e-6)}


def resumed(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """Saves a checkpoint and trains one more step from it."""
    trainer._save_checkpoint(trainer.model, None)
    [checkpoint] = glob.glob(os.path.join(trainer.args.output_dir, "checkpoint-*"))
    trainer.args.max_steps = trainer.state.global_step + 1
    trainer.train(resume_from_checkpoint=checkpoint)
    return {"resumed": int(trainer.state.global_step)}


def new_rows(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """How many of the rows that were added to the vocabulary are trainable."""
    rows = int(workload.get("new_rows", 0))
    base = trainer.model.get_base_model() if hasattr(trainer.model, "get_base_model") else trainer.model
    weight = _effective_weight(base.get_input_embeddings())
    return {"new_rows": rows, "new_rows_trainable": rows if weight.requires_grad else 0}


def _plain_batch(trainer: Any) -> dict[str, Any]:
    tokens = torch.arange(4, 4 + LENGTH).reshape(1, -1).to(trainer.args.device)
    batch = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    if "token_type_ids" in next(iter(trainer.train_dataset)):
        batch["token_type_ids"] = torch.zeros_like(tokens)
    if trainer.model.config.is_encoder_decoder:
        batch["decoder_input_ids"] = tokens[:, :8]
    return batch


def activations(trainer: Any, workload: dict[str, Any], scratch: str) -> dict[str, Any]:
    """The largest activation of a checkpoint on one batch, as the model computes without autocast."""
    largest: dict[str, float] = {}

    def saw(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.is_floating_point():
                largest[name] = max(largest.get(name, 0.0), float(output.detach().abs().max()))

        return hook

    hooks = [module.register_forward_hook(saw(name)) for name, module in trainer.model.named_modules()]
    try:
        with torch.no_grad():
            batch = next(iter(trainer.get_train_dataloader()))
            trainer.model(**{name: value.to(trainer.model.device) for name, value in batch.items()})
    finally:
        for hook in hooks:
            hook.remove()
    where = max(largest, key=lambda name: largest[name], default="")
    return {"largest_activation": largest.get(where, 0.0), "largest_activation_at": where}


BEFORE_TRAINING: dict[str, Inspection] = {
    "activations": activations,
    "first_batch": first_batch,
    "packing_leak": packing_leak,
    "targets": targets,
    "adapted_layers": adapted_layers,
    "adapter_start": adapter_start,
    "new_rows": new_rows,
}
AFTER_TRAINING: dict[str, Inspection] = {
    "saved_adapter": saved_adapter,
    "merged": merged,
    "tying": tying,
    "resumed": resumed,
}

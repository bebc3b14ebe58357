"""Asks whole training scripts. Runs in an environment that has the libraries and nothing of cfglint's.

Reads one JSON line ``{"arguments", "trainer"}`` (class names), then one configuration a line: ``{"args": {…},
"lora": {…}, "trainer": {…}}``. For each, in a process of its own, it makes the arguments (``construction``), the
adapter and the trainer of a Llama with two layers and eight rows (``build``), and trains until the first optimizer
step is done (``first_step``). Answers with one line: ``null``, or ``["build", "ValueError", "the message"]``.
"""

import contextlib
import gc
import importlib
import json
import logging
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings

# A configuration that takes longer (a deadlock between processes) is answered with TimeoutError.
LONGEST_SECONDS = 90
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ROWS = 8
LENGTH = 12


class FirstStepDone(BaseException):
    """Leaves the training loop; no Exception, so that no library catches it."""


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", "<pad>", *WORDS]
    backend = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
    )


def save_model(folder):
    """A random Llama with its tokenizer, as a folder that from_pretrained takes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def text(row, length):
    return " ".join(WORDS[(row + place) % len(WORDS)] for place in range(length))


def rows(trainer):
    """Eight rows of the shape that the trainer takes."""
    from datasets import Dataset

    numbers = range(ROWS)
    if trainer == "Trainer":
        tokens = [[4 + (row + place) % len(WORDS) for place in range(LENGTH)] for row in numbers]
        columns = {"input_ids": tokens, "attention_mask": [[1] * LENGTH] * ROWS, "labels": tokens}
    elif trainer == "SFTTrainer":
        columns = {"text": [text(row, 6 + row % 3) for row in numbers]}
    elif trainer == "GRPOTrainer":
        columns = {"prompt": [text(row, 4) for row in numbers]}
    elif trainer == "KTOTrainer":
        columns = {
            "prompt": [text(row, 4) for row in numbers],
            "completion": [" " + text(row + 1, 5) for row in numbers],
            "label": [row % 2 == 0 for row in numbers],
        }
    else:
        columns = {
            "prompt": [text(row, 4) for row in numbers],
            "chosen": [" " + text(row + 1, 5) for row in numbers],
            "rejected": [" " + text(row + 2, 4) for row in numbers],
        }
    return Dataset.from_dict(columns)


def rewards(count):
    def length(completions, **_columns):
        return [float(len(each)) for each in completions]

    def ends(completions, **_columns):
        return [float(each.endswith("ten")) for each in completions]

    return [length, ends][:count]


def stop_after_first_step():
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, *_arguments, **_named):
            raise FirstStepDone

    return Stop()


def train(names, settings, folder):
    """Runs one configuration. Yields the stage before it begins."""
    import transformers

    yield "construction"
    library = transformers
    if names["trainer"] != "Trainer":
        import trl as library
    arguments = getattr(library, names["arguments"])(**settings["args"])
    adapter = None
    if "lora" in settings:
        from peft import LoraConfig, get_peft_model

        adapter = LoraConfig(**settings["lora"])
    yield "build"
    asked = settings.get("trainer", {})
    model = folder
    if names["trainer"] == "RewardTrainer" and asked.get("model") != "name":
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    elif asked.get("model") != "name":
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    data = rows(names["trainer"])
    given = {"train_dataset": data}
    if asked.get("eval_dataset"):
        given["eval_dataset"] = data
    if names["trainer"] == "Trainer":
        model = get_peft_model(model, adapter) if adapter else model
    else:
        given["processing_class"] = transformers.AutoTokenizer.from_pretrained(folder)
        if adapter:
            given["peft_config"] = adapter
    if names["trainer"] == "GRPOTrainer":
        given["reward_funcs"] = rewards(asked.get("rewards", 1))
    trainer = getattr(library, names["trainer"])(
        model=model, args=arguments, callbacks=[stop_after_first_step()], **given
    )
    yield "first_step"
    with contextlib.suppress(FirstStepDone):
        trainer.train()


def answer_of(names, settings, folder):
    stage = ""
    try:
        for stage in train(names, settings, folder):  # noqa: B007  (the last one is where it raised)
            pass
    except BaseException as error:
        return [stage, type(error).__name__, str(error)]
    return None


def modules_needed(names, folder):
    """The modules that a child process has imported once it has trained."""
    adapter = {"task_type": "SEQ_CLS" if names["trainer"] == "RewardTrainer" else "CAUSAL_LM"}
    healthy = {"output_dir": "out", "use_cpu": True, "report_to": "none", "optim": "adamw_8bit"}
    answer_of(names, {"args": healthy, "lora": adapter}, folder)
    return sorted(sys.modules)


def apart(answer, *given):
    """The answer of a child process, which begins with the libraries imported and nothing else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        os.chdir(tempfile.mkdtemp(dir=os.path.dirname(given[-1])))
        try:
            with os.fdopen(writing, "w") as stream:
                stream.write(json.dumps(answer(*given)))
        finally:
            os._exit(0)
    os.close(writing)
    parts = []
    until = time.monotonic() + LONGEST_SECONDS
    with os.fdopen(reading, "rb") as stream:
        while select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
            part = os.read(stream.fileno(), 65536)
            if not part:
                break
            parts.append(part)
    finished = time.monotonic() < until
    # Its own group: a worker process of a dataloader goes with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if parts:
        return json.loads(b"".join(parts))
    return ["first_step", "SystemExit" if finished else "TimeoutError", "no answer"]


def main():
    os.environ.update(
        HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="", WANDB_MODE="disabled"
    )
    lines = sys.stdin.read().splitlines()
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if not os.environ.get("ORACLE_LOUD"):
        os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    names = json.loads(lines[0])

    import peft  # noqa: F401
    import torch
    import transformers

    # Threads do not survive a fork.
    torch.set_num_threads(1)
    getattr(transformers, "Trainer")  # noqa: B009  (the lazy module imports it now)
    if names["trainer"] != "Trainer":
        import trl

        getattr(trl, names["trainer"])
    above = tempfile.mkdtemp(prefix="oracle-")
    folder = os.path.join(above, "model")
    try:
        save_model(folder)
        # What a library imports when it is first used is imported here once, and not in each child.
        for module in apart(modules_needed, names, folder):
            with contextlib.suppress(Exception):
                importlib.import_module(module)
        # What is there already is not copied into each child by its garbage collector.
        gc.collect()
        gc.freeze()
        for line in lines[1:]:
            answers.write(json.dumps(apart(answer_of, names, json.loads(line), folder)) + "\n")
            answers.flush()
    finally:
        shutil.rmtree(above, ignore_errors=True)


if __name__ == "__main__":
    main()

"""From findings to experiments, without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

import pytest

from cfglint.engine.ruleset import load_rules
from cfglint.verify.plan import Options, expected_seconds, plan
from cfglint.verify.runner import WORKER
from cfglint.verify.spec import AS_CONFIGURED, AS_FIXED, HEALTHY, Arm, Experiment, Verdict
from cfglint.verify.trainers import TRL_METHODS
from cfglint.verify.verify import missing_engine

GEMMA = {
    "model.family": "gemma3",
    "model.model_type": "gemma3",
    "model.fp16_unsafe": True,
    "training.fp16": True,
    "training.learning_rate": 2e-4,
    "training.per_device_train_batch_size": 16,
    "training.warmup_ratio": 0.03,
    "training.output_dir": "out",
    "training.report_to": "wandb",
}
BFLOAT = {"set": {"training.bf16": True, "training.fp16": False}}


def finding(symptom: str = "grad_nan", *fields: str) -> dict[str, Any]:
    return {
        "rule": "some-rule",
        "symptom": [symptom],
        "fields": list(fields or ("training.fp16", "model.family")),
    }


def planned(*arguments: Any, **named: Any) -> Experiment:
    found = plan(*arguments, **named)
    assert isinstance(found, Experiment), found
    return found


def refused(*arguments: Any, **named: Any) -> str:
    found = plan(*arguments, **named)
    assert isinstance(found, Verdict), found
    assert found.outcome == "could_not_run"
    return found.reason


def arm(experiment: Experiment, name: str) -> Arm:
    return next(each for each in experiment.arms if each.name == name)


def test_the_three_arms() -> None:
    experiment = planned(finding(), GEMMA, fix=BFLOAT)
    assert [each.name for each in experiment.arms] == [AS_CONFIGURED, AS_FIXED, HEALTHY]
    assert arm(experiment, AS_CONFIGURED).settings["training.fp16"] is True
    assert arm(experiment, AS_FIXED).settings["training.fp16"] is False
    assert arm(experiment, AS_FIXED).settings["training.bf16"] is True
    assert experiment.model == "gemma3"
    assert experiment.runs == 9


def test_only_the_fixs_fields_differ_between_the_first_two_arms() -> None:
    experiment = planned(finding(), GEMMA, fix=BFLOAT)
    before, after = arm(experiment, AS_CONFIGURED), arm(experiment, AS_FIXED)
    differing = {
        f for f in {*before.settings, *after.settings} if before.settings.get(f) != after.settings.get(f)
    }
    assert differing == {"training.fp16", "training.bf16"}
    assert (before.overrides, before.workload) == (after.overrides, after.workload)


def test_a_fix_can_take_a_setting_away() -> None:
    settings = {**GEMMA, "lora.r": 8, "lora.modules_to_save": ["embed_tokens"]}
    about = finding("save_broken", "lora.modules_to_save")
    experiment = planned(about, settings, {"detector": "broken_tying"}, {"unset": ["lora.modules_to_save"]})
    assert "lora.modules_to_save" not in arm(experiment, AS_FIXED).settings


def test_nothing_of_the_users_world_is_carried() -> None:
    settings = {
        **GEMMA,
        "training.hub_token": "hf_x",
        "training.push_to_hub": True,
        "training.resume_from_checkpoint": "last",
        "training.deepspeed": "ds.json",
        "model.name": "google/gemma-3-4b-it",
        "model.trust_remote_code": True,
        "data.dataset": "mine.json",
    }
    experiment = planned(finding(), settings, fix=BFLOAT)
    for each in experiment.arms:
        assert not any(
            word in field
            for field in each.settings
            for word in ("hub", "report", "output", "resume", "name", "trust", "dataset", "deepspeed")
        )
    assert {"training.report_to", "training.output_dir", "model.name"} <= {
        d.field for d in experiment.dropped
    }


def test_sizes_are_cut_unless_the_rule_reads_them() -> None:
    field = "training.per_device_train_batch_size"
    assert arm(planned(finding(), GEMMA), AS_CONFIGURED).settings[field] == 4
    assert (
        arm(planned(finding("loss_nan", "model.family", field), GEMMA), AS_CONFIGURED).settings[field] == 16
    )


def test_a_schedule_that_the_rule_reads_is_kept_whole() -> None:
    about = finding("lr_no_effect", "training.warmup_steps", "training.lr_scheduler_type")
    settings = {"training.warmup_steps": 2.0, "training.lr_scheduler_type": "linear"}
    kept = arm(planned(about, settings), AS_CONFIGURED)
    assert kept.settings["training.warmup_steps"] == 2
    assert isinstance(kept.settings["training.warmup_steps"], int)
    assert kept.settings["training.lr_scheduler_type"] == "linear"
    assert kept.overrides == {}


def test_targets_of_an_architecture_that_is_not_there_become_all_layers() -> None:
    about = finding("lr_no_effect", "training.learning_rate")
    settings = {"lora.r": 8, "lora.target_modules": ["query_key_value"], "model.family": "falcon"}
    settings_of_arm = arm(planned(about, settings), AS_CONFIGURED).settings
    assert settings_of_arm["lora.target_modules"] == "all-linear"


def test_a_rank_that_is_cut_keeps_the_adapters_scale() -> None:
    settings = {"lora.r": 256, "lora.lora_alpha": 512, "training.learning_rate": 1e-4}
    cut = arm(planned(finding("lr_no_effect", "training.learning_rate"), settings), AS_CONFIGURED).settings
    assert (cut["lora.r"], cut["lora.lora_alpha"]) == (64, 128)


def test_a_warm_up_is_replaced_and_the_plan_says_so() -> None:
    experiment = planned(finding(), GEMMA)
    assert arm(experiment, AS_CONFIGURED).overrides["training.lr_scheduler_type"] == "constant"
    assert any(item.field == "training.warmup_ratio" for item in experiment.dropped)


def test_the_other_findings_fixes_are_applied_first() -> None:
    settings = {**GEMMA, "model.dtype": "float16"}
    other = {"set": {"model.dtype": "float32"}}
    assert (
        arm(planned(finding(), settings, other_fixes=[other]), AS_CONFIGURED).settings["model.dtype"]
        == "float32"
    )
    own = planned(finding("loss_nan", "model.dtype"), settings, other_fixes=[other])
    assert arm(own, AS_CONFIGURED).settings["model.dtype"] == "float16"


def test_float16_overflow_names_the_peak_that_is_assumed() -> None:
    experiment = planned(finding(), GEMMA, fix=BFLOAT)
    assert arm(experiment, AS_CONFIGURED).workload["activation_peak"] == 1.5e5
    assert "activation_peak" not in arm(experiment, HEALTHY).workload
    assert arm(experiment, HEALTHY).settings["training.fp16"] is True
    assert any("activations peak near 1.5e+05" in text for text in experiment.assumed)


def test_accumulation_is_compared_with_one_batch_under_plain_sgd() -> None:
    experiment = planned(finding("loss_scaled", "training.gradient_accumulation_steps"), GEMMA)
    sizes = [
        variant.settings["training.per_device_train_batch_size"]
        * variant.settings["training.gradient_accumulation_steps"]
        for variant in experiment.variants
    ]
    assert sizes == [4, 4]
    overrides = arm(experiment, AS_CONFIGURED).overrides
    assert (overrides["training.optim"], overrides["training.max_grad_norm"]) == ("sgd", 0.0)
    assert arm(experiment, HEALTHY).workload["model"] == "llama"


def test_two_learning_rates_and_on_a_gpu_a_repeat() -> None:
    about = finding("lr_no_effect", "training.learning_rate")
    names = [variant.name for variant in planned(about, GEMMA).variants]
    assert names == ["as_is", "times_ten"]
    assert len(planned(about, GEMMA, options=Options(device="cuda")).variants) == 3


@pytest.mark.parametrize(
    ("about", "settings", "verify", "reason"),
    [
        (finding("diverges"), GEMMA, None, "needs trained weights"),
        (finding("oom"), GEMMA, None, "memory depends on the real model"),
        (finding("slow"), GEMMA, None, "speed depends"),
        (finding("silent_wrong_output"), GEMMA, None, "names no detector"),
        (finding("no_learning", "lora.r"), GEMMA, None, "names no detector"),
        (
            {**finding("crash_at_start"), "condition": "training.fp16 and has(wrap_peft)"},
            GEMMA,
            None,
            "depends on calls of the script",
        ),
        (
            finding("crash_at_start", "training.fp16", "framework.name"),
            {**GEMMA, "framework.name": "axolotl"},
            None,
            "axolotl's own code",
        ),
        (
            finding("crash_at_start", "data.streaming"),
            {**GEMMA, "data.streaming": True},
            None,
            "depends on data.streaming",
        ),
        (
            finding("lr_no_effect", "training.max_steps"),
            {**GEMMA, "training.max_steps": 100},
            None,
            "depends on training.max_steps",
        ),
        (
            finding("crash_at_start", "adapter.method"),
            {**GEMMA, "adapter.method": "prefix_tuning"},
            None,
            "trains no prefix_tuning adapter",
        ),
        (finding("loss_nan", "training.bf16"), {"training.bf16": True}, None, "needs trained weights"),
        (finding("loss_nan", "training.fp16"), {"training.fp16": True}, None, "needs trained weights"),
        (
            finding("loss_nan", "deepspeed.zero_optimization.stage"),
            {**GEMMA, "deepspeed.zero_optimization.stage": 3, "deepspeed.fp16.enabled": True},
            None,
            "needs CUDA: DeepSpeed trains no float16 on a CPU",
        ),
        (
            finding("crash_at_start", "deepspeed.zero_optimization.stage"),
            {**GEMMA, "deepspeed.zero_optimization.stage": 3},
            None,
            "the rule names no engine",
        ),
        (
            finding("loss_scaled", "deepspeed.zero_optimization.offload_optimizer.device"),
            {**GEMMA, "deepspeed.zero_optimization.offload_optimizer.device": "cpu"},
            None,
            "has to be compiled first",
        ),
        (
            finding("loss_scaled", "fsdp.active"),
            {**GEMMA, "fsdp.active": True},
            None,
            "needs FSDP",
        ),
        (
            finding("crash_at_start", "launch.num_processes"),
            {**GEMMA, "launch.num_processes": 4},
            None,
            "depends on launch.num_processes, which the experiment does not carry",
        ),
        (finding(), GEMMA, {"engine": "horovod"}, "no engine is called horovod"),
        (
            finding("crash_at_start"),
            {**GEMMA, "deepspeed.active": True},
            {"engine": "ddp"},
            "needs several processes of DeepSpeed",
        ),
        (
            finding("loss_nan", "framework.unsloth"),
            {**GEMMA, "framework.unsloth": True},
            None,
            "needs Unsloth and a GPU",
        ),
        (
            {**finding("loss_nan"), "packages": {"unsloth": "2025.3.14"}},
            GEMMA,
            None,
            "needs Unsloth and a GPU",
        ),
        (
            finding("loss_nan", "model.attn_implementation"),
            {**GEMMA, "model.attn_implementation": "flash_attention_2"},
            None,
            "needs CUDA",
        ),
        (finding("grad_nan"), {"training.fp16": True}, None, "family is not known"),
        (finding("grad_nan"), {"model.model_type": "rwkv"}, None, "no tiny model of the family rwkv"),
        (finding("grad_nan"), GEMMA, {"device": "cuda"}, "needs CUDA"),
        (finding("grad_nan"), GEMMA, {"not_verifiable": "needs two machines"}, "needs two machines"),
        (finding("grad_nan"), GEMMA, {"detector": "gut_feeling"}, "no detector is called gut_feeling"),
    ],
)
def test_what_can_not_be_shown_says_why(
    about: dict[str, Any], settings: dict[str, Any], verify: dict[str, Any] | None, reason: str
) -> None:
    assert reason in refused(about, settings, verify)


def test_what_a_rule_reads_of_the_trainers_arguments_is_carried() -> None:
    about = finding(
        "crash_at_start", "training.save_strategy", "training.hub_model_id", "training.output_dir"
    )
    settings = {
        "training.save_strategy": "steps",
        "training.hub_model_id": "me/x",
        "training.eval_strategy": "no",
    }
    carried = arm(planned(about, settings, {"detector": "exception_at_start"}), AS_CONFIGURED).settings
    assert carried == {"training.save_strategy": "steps"}


def test_half_precision_weights_that_do_not_learn_lose_updates() -> None:
    about = finding("no_learning", "model.dtype", "training.learning_rate")
    assert planned(about, {"model.dtype": "bfloat16", "model.model_type": "llama"}).detector == "lost_updates"


def test_what_a_condition_reads_and_the_run_does_not_use_is_no_obstacle() -> None:
    about = finding(
        "grad_nan", "training.fp16", "model.family", "framework.unsloth", "deepspeed.fp16.enabled"
    )
    assert planned(about, {**GEMMA, "framework.unsloth": False}).model == "gemma3"


def test_settings_of_an_adapter_that_is_not_trained_are_left_behind() -> None:
    settings = {**GEMMA, "adapter.method": "full", "lora.r": 8}
    assert not any(f.startswith("lora.") for f in arm(planned(finding(), settings), AS_CONFIGURED).settings)
    settings["adapter.method"] = "lora"
    assert "lora.r" in arm(planned(finding(), settings), AS_CONFIGURED).settings


def test_the_rules_own_block_decides() -> None:
    block = {
        "model": "mistral",
        "steps": 5,
        "detector": "update_explosion",
        "args": {"threshold": 7},
        "settings": {"model.dtype": "float16"},
        "workload": {"hidden": 64},
        "control": {"settings": {"training.optim": "adamw_torch"}},
    }
    experiment = planned(finding("diverges", "model.dtype"), {}, block)
    assert (experiment.model, experiment.steps, experiment.detector) == ("mistral", 5, "update_explosion")
    assert experiment.detector_args == {"threshold": 7}
    assert arm(experiment, AS_CONFIGURED).settings["model.dtype"] == "float16"
    assert arm(experiment, HEALTHY).settings["training.optim"] == "adamw_torch"
    assert planned(finding("diverges"), {}, block, options=Options(steps=9)).steps == 9


@pytest.mark.parametrize(
    ("settings", "trainer"),
    [
        ({}, "trainer"),
        ({"trainer.method": "sft", "trainer.class_name": "SFTTrainer", "framework.name": "trl"}, "sft"),
        ({"trainer.method": "sft", "framework.name": "llamafactory"}, "trainer"),
        ({"trainer.method": "dpo", "framework.name": "trl"}, "dpo"),
        ({"trainer.class_name": "DPOTrainer"}, "dpo"),
        ({"trainer.class_name": "ORPOTrainer", "trainer.method": "orpo"}, "orpo"),
        ({"trainer.class_name": "KTOTrainer", "trainer.method": "kto"}, "trainer"),
        ({"trainer.class_name": "Trainer"}, "trainer"),
    ],
)
def test_the_trainer_that_the_run_uses(settings: dict[str, Any], trainer: str) -> None:
    about = finding("lr_no_effect", "training.learning_rate")
    assert planned(about, settings).trainer == trainer


METHODS = ("kto", "grpo", "rloo", "reward", "bco", "ppo", "simpo")


@pytest.mark.parametrize("method", METHODS)
def test_a_condition_on_a_method_that_is_not_trained_is_not_tried(method: str) -> None:
    run = {**GEMMA, "trainer.method": method, "preference.beta": 0.1}
    told = f"the experiment does not train with {method}"
    assert told in refused(finding("grad_nan", "training.fp16", "trainer.method"), run)
    assert told in refused(finding("grad_nan", "training.fp16", "preference.beta"), run)
    block = {"detector": "nothing_moved"}
    assert told in refused(finding("no_learning", "trainer.method"), run, block)
    assert (
        planned(finding("no_learning", "trainer.method"), run, {**block, "trainer": "dpo"}).trainer == "dpo"
    )


@pytest.mark.parametrize("method", METHODS)
def test_what_no_method_changes_is_shown_by_plain_training_and_says_so(method: str) -> None:
    experiment = planned(finding(), {**GEMMA, "trainer.method": method})
    assert experiment.trainer == "trainer"
    assert f"plain language modelling stands for {method}" in experiment.assumed


def test_preference_training_by_another_tool_is_not_tried() -> None:
    run = {**GEMMA, "trainer.method": "dpo", "framework.name": "llamafactory"}
    assert "does not train with dpo" in refused(finding("grad_nan", "training.fp16", "trainer.method"), run)
    own = {**run, "framework.name": "trl"}
    assert planned(finding("grad_nan", "training.fp16", "trainer.method"), own).trainer == "dpo"


def test_the_worker_knows_the_trainers_that_are_planned() -> None:
    worker = (WORKER / "training.py").read_text(encoding="utf-8")
    table = next(
        node.value
        for node in ast.walk(ast.parse(worker))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TRL_TRAINERS"
    )
    assert set(ast.literal_eval(table)) == set(TRL_METHODS)


def test_a_fix_that_only_removes_what_has_no_effect_is_not_tried() -> None:
    about = finding("ignored_setting", "training.warmup_steps")
    fix = {"unset": ["training.warmup_steps"]}
    block = {"detector": "same_losses"}
    arms = planned(about, {"training.warmup_steps": 3}, block, fix).arms
    assert [each.name for each in arms] == [AS_CONFIGURED, AS_FIXED, HEALTHY]
    arms = planned(about, {"training.warmup_steps": 3}, {**block, "try_fix": False}, fix).arms
    assert [each.name for each in arms] == [AS_CONFIGURED, HEALTHY]


@pytest.mark.parametrize(("framework", "targets"), [("llamafactory", "all-linear"), ("trl", None)])
def test_a_tool_that_adapts_all_linear_layers_does_so_here(framework: str, targets: str | None) -> None:
    run = {**GEMMA, "framework.name": framework, "adapter.method": "lora", "lora.r": 8}
    assert arm(planned(finding(), run), AS_CONFIGURED).settings.get("lora.target_modules") == targets


def test_settings_of_processes_that_load_data_are_left_behind_with_them() -> None:
    about = finding(
        "crash_at_start", "training.dataloader_persistent_workers", "training.dataloader_num_workers"
    )
    block = {"detector": "exception_at_start"}
    with_workers = {"training.dataloader_persistent_workers": True, "training.dataloader_num_workers": 4}
    kept = arm(planned(about, with_workers, block), AS_CONFIGURED).settings
    assert not any("dataloader" in field for field in kept)
    without = {**with_workers, "training.dataloader_num_workers": 0}
    kept = arm(planned(about, without, block), AS_CONFIGURED).settings
    assert kept["training.dataloader_persistent_workers"] is True


def test_the_blocks_of_the_rules_say_nothing_unheard_of() -> None:
    known = {
        *("model", "steps", "device", "engine", "processes", "detector", "args", "settings", "workload"),
        *("control", "trainer", "variants", "fixed_workload", "try_fix", "not_verifiable", "versions"),
    }
    for name, rule in load_rules().cold.items():
        assert set(rule["verify"] or ()) <= known, name


def test_precision_is_found_however_it_is_spelt() -> None:
    for spelling in ({"launch.mixed_precision": "fp16"}, {"deepspeed.fp16.enabled": True}):
        settings = {**{k: v for k, v in GEMMA.items() if k != "training.fp16"}, **spelling}
        about = finding("loss_nan", "deepspeed.fp16.enabled", "model.family")
        assert arm(planned(about, settings), AS_CONFIGURED).settings["training.fp16"] is True


def test_a_plan_tells_about_how_long_it_takes() -> None:
    experiment = planned(finding(), GEMMA, fix=BFLOAT)
    assert 0 < expected_seconds([experiment], jobs=2) < expected_seconds([experiment] * 2, jobs=2)
    assert expected_seconds([], jobs=2) == 0


def test_planning_and_judging_import_no_torch() -> None:
    code = (
        "import sys, cfglint.verify.verify, cfglint.verify.plan;"
        "print([m for m in ('torch', 'transformers', 'numpy', 'pydantic', 'packaging') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


ZERO = {
    "model.model_type": "llama",
    "training.deepspeed": "zero.json",
    "training.gradient_accumulation_steps": 8,
    "training.learning_rate": 2e-5,
    "deepspeed.active": True,
    "deepspeed.accumulation": 4,
    "deepspeed.zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu"}},
    "deepspeed.zero_optimization.stage": 3,
    "deepspeed.zero_optimization.offload_optimizer.device": "cpu",
    "deepspeed.gradient_accumulation_steps": 4,
    "deepspeed.gradient_clipping": 0.5,
    "deepspeed.optimizer.type": "AdamW",
    "deepspeed.optimizer.params.lr": 1e-4,
    "deepspeed.tensorboard.output_path": "/home/me/logs",
    "deepspeed.aio.block_size": 1,
}
BY_DEEPSPEED = {"engine": "deepspeed", "detector": "exception_at_start"}
STAGE = "deepspeed.zero_optimization.stage"


def test_a_rule_on_deepspeed_trains_under_it_and_others_do_not() -> None:
    assert planned(finding("lr_no_effect", STAGE), ZERO).engine == "deepspeed"
    assert planned(finding("lr_no_effect", "training.learning_rate"), ZERO).engine == "plain"
    assert planned(finding("crash_at_start", "training.optim"), ZERO, BY_DEEPSPEED).engine == "deepspeed"
    plain = arm(planned(finding("lr_no_effect", "training.learning_rate"), ZERO), AS_CONFIGURED)
    assert not any(field.startswith("deepspeed.") for field in plain.settings)


def test_of_deepspeeds_settings_only_those_that_decide_numbers_are_carried() -> None:
    experiment = planned(finding("crash_at_start", STAGE), ZERO, BY_DEEPSPEED)
    carried = arm(experiment, AS_CONFIGURED).settings
    assert {field: value for field, value in carried.items() if field.startswith("deepspeed.")} == {
        STAGE: 3,
        "deepspeed.gradient_accumulation_steps": "auto",
        "deepspeed.gradient_clipping": "auto",
        "deepspeed.optimizer.type": "AdamW",
        "deepspeed.optimizer.params.lr": "auto",
        "deepspeed.optimizer.params.torch_adam": True,
    }
    told = {item.field: item.reason for item in experiment.dropped}
    assert told["deepspeed.zero_optimization.offload_optimizer.device"] == "changes memory, not numbers"
    assert told["deepspeed.gradient_clipping"] == "auto instead of 0.5: the trainer's own value decides"
    assert told["deepspeed.tensorboard.output_path"] == "not carried into experiments"
    assert not {"deepspeed.active", "deepspeed.accumulation", "deepspeed.zero_optimization"} & set(told)
    assert any("one process" in text for text in experiment.assumed)
    assert any("torch's AdamW" in text for text in experiment.assumed)


def test_what_the_rule_reads_of_deepspeed_is_carried_as_it_is_written() -> None:
    about = finding("crash_at_start", "deepspeed.accumulation")
    carried = arm(planned(about, ZERO, BY_DEEPSPEED), AS_CONFIGURED).settings
    assert carried["deepspeed.gradient_accumulation_steps"] == 4
    assert carried["training.gradient_accumulation_steps"] == 8


def test_what_the_probe_decides_is_left_to_the_trainer() -> None:
    about = finding("loss_scaled", "deepspeed.active", "deepspeed.gradient_accumulation_steps")
    carried = arm(planned(about, ZERO), AS_CONFIGURED).settings
    assert carried["deepspeed.gradient_accumulation_steps"] == "auto"
    assert carried["deepspeed.gradient_clipping"] == "auto"
    assert not any(field.startswith("deepspeed.optimizer") for field in carried)


def test_deepspeeds_own_scheduler_gets_a_warm_up_that_it_takes() -> None:
    about = finding("crash_at_start", "deepspeed.scheduler.type")
    experiment = planned(about, {**ZERO, "deepspeed.scheduler.type": "WarmupLR"}, BY_DEEPSPEED)
    assert arm(experiment, AS_CONFIGURED).overrides["training.warmup_steps"] == 1
    without = planned(finding("crash_at_start", STAGE), ZERO, BY_DEEPSPEED)
    assert arm(without, AS_CONFIGURED).overrides["training.warmup_steps"] == 0


def test_the_control_of_a_deepspeed_experiment_is_a_healthy_run_of_the_same_stage() -> None:
    control = arm(planned(finding("crash_at_start", STAGE), ZERO, BY_DEEPSPEED), HEALTHY).settings
    assert control[STAGE] == 3
    assert control["deepspeed.gradient_clipping"] == "auto"
    assert control["deepspeed.zero_optimization.stage3_gather_16bit_weights_on_model_save"] is True
    block = {**BY_DEEPSPEED, "control": {"unset": ["deepspeed.zero_optimization"]}}
    control = arm(planned(finding("crash_at_start", STAGE), ZERO, block), HEALTHY).settings
    assert not any(field.startswith("deepspeed.zero_optimization") for field in control)


def test_without_a_json_deepspeed_gets_what_accelerate_writes() -> None:
    run = {"deepspeed.active": True, STAGE: 2, "model.model_type": "llama"}
    carried = arm(planned(finding("lr_no_effect", STAGE), run), AS_CONFIGURED).settings
    assert carried["deepspeed.train_micro_batch_size_per_gpu"] == "auto"
    with_json = {**run, "training.deepspeed": "mine.json"}
    carried = arm(planned(finding("lr_no_effect", STAGE), with_json), AS_CONFIGURED).settings
    assert "deepspeed.train_micro_batch_size_per_gpu" not in carried


def test_many_processes_are_carried_as_two() -> None:
    about = finding("crash_at_start", "launch.num_processes", "training.ddp_find_unused_parameters")
    run = {
        "model.model_type": "llama",
        "launch.num_processes": 8,
        "launch.world_size": 16,
        "training.ddp_find_unused_parameters": True,
    }
    experiment = planned(about, run, {"engine": "ddp"})
    carried = arm(experiment, AS_CONFIGURED).settings
    assert carried["launch.num_processes"] == 2
    assert carried["training.ddp_find_unused_parameters"] is True
    assert arm(experiment, HEALTHY).settings["launch.num_processes"] == 2
    told = {item.field: item.reason for item in experiment.dropped}
    assert told["launch.num_processes"] == "16 processes carried as 2"
    assert "launch.num_processes" not in {
        item.field for item in planned(about, {**run, "launch.world_size": 2}, {"engine": "ddp"}).dropped
    }


def test_a_rule_may_ask_for_two_processes_of_deepspeed() -> None:
    experiment = planned(finding("crash_at_start", STAGE), ZERO, {**BY_DEEPSPEED, "processes": 2})
    assert {each.workload["processes"] for each in experiment.arms} == {2}
    assert any("DeepSpeed runs in 2 processes" in text for text in experiment.assumed)


def test_an_environment_without_deepspeed_is_told_before_anything_is_trained() -> None:
    experiment = planned(finding("lr_no_effect", STAGE), ZERO)
    assert missing_engine(experiment, {"torch": "2.13.0"}) == "missing package: deepspeed is not installed"
    assert missing_engine(experiment, {"deepspeed": "0.19.8"}) == ""
    assert missing_engine(experiment._replace(engine="plain"), {"torch": "2.13.0"}) == ""

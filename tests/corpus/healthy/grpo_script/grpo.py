from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer


def reward_length(completions, **kwargs):
    return [-abs(20 - len(text)) for text in completions]


args = GRPOConfig(
    output_dir="qwen-grpo",
    per_device_train_batch_size=8,
    gradient_accumulation_steps=4,
    num_generations=8,
    max_completion_length=256,
    learning_rate=1e-6,
    bf16=True,
    logging_steps=10,
)
trainer = GRPOTrainer(
    model="Qwen/Qwen2.5-0.5B-Instruct",
    reward_funcs=reward_length,
    args=args,
    train_dataset=load_dataset("trl-lib/tldr", split="train"),
)
trainer.train()

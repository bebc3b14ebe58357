from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

peft_config = LoraConfig(
    r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM"
)
args = SFTConfig(
    output_dir="qwen3-assistant",
    max_length=2048,
    per_device_train_batch_size=4,
    gradient_accumulation_steps=4,
    learning_rate=2e-4,
    num_train_epochs=1,
    lr_scheduler_type="cosine",
    warmup_ratio=0.03,
    bf16=True,
    logging_steps=10,
    save_strategy="epoch",
)
trainer = SFTTrainer(
    model="Qwen/Qwen3-4B",
    args=args,
    train_dataset=load_dataset("json", data_files="chats.jsonl", split="train"),
    peft_config=peft_config,
)
trainer.train()
trainer.save_model()

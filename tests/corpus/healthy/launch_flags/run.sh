#!/usr/bin/env bash
set -euo pipefail
MODEL=meta-llama/Llama-3.1-8B

torchrun --nproc_per_node 8 train.py \
    --model_name_or_path "$MODEL" \
    --output_dir out/llama31 \
    --per_device_train_batch_size 2 \
    --gradient_accumulation_steps 4 \
    --learning_rate 1e-5 \
    --num_train_epochs 3 \
    --lr_scheduler_type cosine \
    --warmup_ratio 0.03 \
    --bf16 True \
    --logging_steps 10 \
    --save_strategy epoch

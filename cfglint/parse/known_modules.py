"""Top-level modules that are no part of the user's own project: importing them hides no calls."""

from __future__ import annotations

import sys

# fmt: off
_INSTALLED = frozenset(
    {
        "accelerate", "adapters", "aim", "albumentations", "alpaca_eval", "apex", "apollo_torch",
        "aqlm", "attr", "auto_gptq", "auto_round", "autoawq", "autoround", "awq", "axolotl", "backoff",
        "bert_score", "bitsandbytes", "boto3", "clearml", "click", "colorama", "comet_ml",
        "ctranslate2", "cv2", "dask", "datasets", "datatrove", "dateutil", "deepspeed", "diffusers",
        "distilabel", "docker", "docstring_parser", "dotenv", "dvclive", "einops", "evaluate",
        "fairscale", "faiss", "fastapi", "filelock", "fire", "flash_attn", "fsspec", "galore_torch",
        "gguf", "git", "google", "gradio", "gymnasium", "hqq", "huggingface_hub", "hydra", "imageio",
        "instructor", "IPython", "ipywidgets", "jax", "jinja2", "joblib", "jsonargparse", "jsonlines",
        "jsonschema", "kaggle", "kernels", "kfp", "langchain", "langchain_community", "langchain_core",
        "levenshtein", "librosa", "liger_kernel", "lightning", "lightning_fabric", "lion_pytorch",
        "litellm", "llamafactory", "llmcompressor", "lm_eval", "lm_format_enforcer", "loguru",
        "lomo_optim", "loralib", "marimo", "math_verify", "matplotlib", "mergekit", "mistral_common", "ml_dtypes",
        "mlflow", "modal", "modelscope", "msgpack", "multiprocess", "nemo", "neptune", "nest_asyncio",
        "networkx", "nltk", "numba", "numpy", "omegaconf", "onnx", "onnxruntime", "openai",
        "opencompass", "openpyxl", "optimum", "optuna", "orjson", "outlines", "packaging", "pandas",
        "peft", "PIL", "pkg_resources", "platformdirs", "plotly", "polars", "prettytable", "prodigyopt",
        "prometheus_client", "promptsource", "psutil", "pyarrow", "pydantic", "pydantic_settings",
        "pydub", "pynvml", "pytest", "pytorch_lightning", "qwen_omni_utils", "qwen_vl_utils",
        "rank_bm25", "ray", "redis", "regex", "requests", "rich", "rouge", "rouge_chat", "rouge_score",
        "sacrebleu", "safetensors", "sagemaker", "scattermoe", "schedulefree", "scipy", "seaborn",
        "sentence_transformers", "sentencepiece", "seqeval", "setfit", "setproctitle", "setuptools",
        "sglang", "shtab", "simple_parsing", "six", "skimage", "sklearn", "sky", "skypilot",
        "smdistributed", "soundfile", "spacy", "speechbrain", "starlette", "streamlit", "swanlab",
        "swift", "sympy", "tabulate", "tensorboard", "tensorboardX", "tensorflow", "termcolor",
        "textblob", "tiktoken", "timm", "tokenizers", "toml", "tomli", "torch", "torch_xla", "torchao",
        "torchaudio", "torchdata", "torchmetrics", "torchrun", "torchtune", "torchtyping",
        "torchvision", "tqdm", "trackio", "transformer_engine", "transformers", "triton", "trl",
        "typeguard", "typer", "typing_extensions", "tyro", "ujson", "unsloth", "unsloth_zoo", "urllib3",
        "uvicorn", "vllm", "wandb", "webdataset", "wrapt", "xformers", "xlsxwriter", "xtuner", "yaml",
        "yarl", "zstandard",
    }
)
# fmt: on


def is_local(module: str) -> bool:
    """Whether an imported module may be a file of the user's project: relative, or no known distribution."""
    if module.startswith("."):
        return True
    root = module.partition(".")[0]
    return root not in _INSTALLED and root not in sys.stdlib_module_names and root != "__future__"

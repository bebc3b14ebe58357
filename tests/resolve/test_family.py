"""Names and config files to model families: right, or none."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cfglint.resolve.family import family_facts, from_config, model_facts, resolve_family

NAMED = """
huggyllama/llama-7b                                llama1
decapoda-research/llama-7b-hf                      llama1
lmsys/vicuna-7b-v1.5                               llama2
lmsys/vicuna-13b-v1.3                              llama1
openlm-research/open_llama_3b_v2                   llama
meta-llama/Llama-2-7b-hf                           llama2
TheBloke/Llama-2-7B-GPTQ                           llama2
NousResearch/Llama-2-13b-chat-hf                   llama2
codellama/CodeLlama-34b-Instruct-hf                codellama
TinyLlama/TinyLlama-1.1B-Chat-v1.0                 tinyllama
meta-llama/Meta-Llama-3-8B                         llama3
cognitivecomputations/dolphin-2.9-llama3-8b        llama3
meta-llama/Llama-3.1-8B-Instruct                   llama3_1
llama-3-1-8b                                       llama3_1
NousResearch/Hermes-3-Llama-3.1-8B                 llama3_1
nvidia/Llama-3.1-Nemotron-70B-Instruct-HF          llama3_1
meta-llama/Llama-3.2-1B                            llama3_2
meta-llama/Llama-3.2-11B-Vision-Instruct           llama3_2_vision
meta-llama/Llama-3.3-70B-Instruct                  llama3_3
meta-llama/Llama-4-Scout-17B-16E-Instruct          llama4
meta-llama/Llama-Guard-3-8B                        llama3_1
upstage/SOLAR-10.7B-v1.0                           solar
01-ai/Yi-1.5-9B-Chat                               yi
HuggingFaceTB/SmolLM-135M                          smollm
HuggingFaceTB/SmolLM2-1.7B-Instruct                smollm2
HuggingFaceTB/SmolLM3-3B-Base                      smollm3
mistralai/Mistral-7B-v0.1                          mistral
mistralai/Mistral-Nemo-Instruct-2407               mistral
mistralai/Mistral-Small-24B-Instruct-2501          mistral
mistralai/Ministral-8B-Instruct-2410               mistral
HuggingFaceH4/zephyr-7b-beta                       mistral
NousResearch/Hermes-2-Pro-Mistral-7B               mistral
teknium/OpenHermes-2.5-Mistral-7B                  mistral
mistralai/Mixtral-8x7B-Instruct-v0.1               mixtral
mistralai/Mistral-Small-3.1-24B-Instruct-2503      mistral3
mistralai/Ministral-3-8B-Base-2512                 ministral3
mistral-community/pixtral-12b                      pixtral
Qwen/Qwen-7B-Chat                                  qwen
Qwen/Qwen1.5-7B-Chat                               qwen1_5
Qwen/Qwen1.5-MoE-A2.7B                             qwen2_moe
Qwen/Qwen2-7B-Instruct                             qwen2
Qwen/Qwen2.5-0.5B                                  qwen2_5
./models/Qwen2.5-7B-Instruct                       qwen2_5
Qwen/Qwen2.5-Coder-1.5B-Instruct                   qwen2_5
qwen25-7b                                          qwen2_5
qwen2.5-7b-llama-factory                           qwen2_5
Qwen/QwQ-32B                                       qwen2_5
Qwen/Qwen2-VL-7B-Instruct                          qwen2_vl
Qwen/Qwen2.5-VL-3B-Instruct                        qwen2_5_vl
Qwen/Qwen2.5-Omni-7B                               qwen2_5_omni
Qwen/Qwen3-8B                                      qwen3
Qwen/Qwen3-Embedding-0.6B                          qwen3
Qwen/Qwen3-30B-A3B-Instruct-2507                   qwen3_moe
Qwen/Qwen3-Coder-30B-A3B-Instruct                  qwen3_moe
Qwen/Qwen3-VL-4B-Instruct                          qwen3_vl
Qwen/Qwen3-VL-30B-A3B-Instruct                     qwen3_vl_moe
Qwen/Qwen3-Next-80B-A3B-Instruct                   qwen3_next
Qwen/Qwen3.5-4B                                    qwen3_5
Qwen/Qwen3.5-35B-A3B                               qwen3_5_moe
deepseek-ai/DeepSeek-R1-Distill-Qwen-7B            r1_distill_qwen
deepseek-ai/DeepSeek-R1-Distill-Llama-8B           llama3_1
deepseek-ai/DeepSeek-R1-Distill-Llama-70B          llama3_3
deepseek-ai/DeepSeek-R1-0528-Qwen3-8B              qwen3
deepseek-ai/deepseek-llm-7b-base                   deepseek
deepseek-ai/DeepSeek-V2-Lite                       deepseek_v2
deepseek-ai/DeepSeek-V3                            deepseek_v3
deepseek-ai/DeepSeek-R1                            deepseek_v3
moonshotai/Kimi-K2-Instruct                        kimi_k2
moonshotai/Moonlight-16B-A3B                       moonlight
google/gemma-2b                                    gemma
google/gemma-1.1-7b-it                             gemma
google/codegemma-7b                                gemma
HuggingFaceH4/zephyr-7b-gemma-v0.1                 gemma
google/gemma-2-2b                                  gemma2
google/gemma-2-27b-it                              gemma2
unsloth/gemma-3-4b-it-bnb-4bit                     gemma3
google/gemma-3-270m                                gemma3
google/medgemma-4b-it                              gemma3
google/gemma-3n-E2B-it                             gemma3n
google/gemma-4-E4B-it                              gemma4
google/paligemma-3b-pt-224                         paligemma
microsoft/phi-1_5                                  phi
microsoft/phi-2                                    phi
microsoft/Phi-3-mini-4k-instruct                   phi3
microsoft/Phi-3.5-MoE-instruct                     phimoe
microsoft/phi-4                                    phi4
microsoft/Phi-4-mini-instruct                      phi4_mini
microsoft/Phi-4-multimodal-instruct                phi4_multimodal
tiiuae/falcon-7b                                   falcon
tiiuae/Falcon3-7B-Base                             falcon3
tiiuae/falcon-mamba-7b                             falcon_mamba
tiiuae/Falcon-H1-1.5B-Base                         falcon_h1
state-spaces/mamba-2.8b-hf                         mamba
ai21labs/Jamba-v0.1                                jamba
mosaicml/mpt-7b                                    mpt
databricks/dbrx-instruct                           dbrx
gpt2                                               gpt2
openai-community/gpt2-xl                           gpt2
EleutherAI/gpt-j-6b                                gptj
EleutherAI/pythia-1.4b-deduped                     gpt_neox
facebook/opt-350m                                  opt
bigscience/bloom-7b1                               bloom
google-t5/t5-large                                 t5
google/t5-v1_1-xl                                  t5_v1_1
google/flan-t5-xxl                                 flan_t5
google/mt5-base                                    mt5
google/umt5-small                                  umt5
google/byt5-small                                  byt5
facebook/bart-large-cnn                            bart
google/pegasus-xsum                                pegasus
openai/whisper-large-v3                            whisper
google-bert/bert-base-uncased                      bert
FacebookAI/roberta-large                           roberta
FacebookAI/xlm-roberta-base                        xlm_roberta
microsoft/deberta-v3-base                          deberta_v2
answerdotai/ModernBERT-base                        modernbert
internlm/internlm2_5-7b-chat                       internlm2
internlm/internlm3-8b-instruct                     internlm3
baichuan-inc/Baichuan-13B-Chat                     baichuan
baichuan-inc/Baichuan2-7B-Base                     baichuan2
THUDM/chatglm3-6b                                  chatglm
THUDM/glm-4-9b-chat                                glm4_chat
THUDM/glm-4-9b-chat-hf                             glm
THUDM/GLM-4-32B-0414                               glm4
zai-org/GLM-4.5-Air                                glm4_moe
CohereForAI/c4ai-command-r-v01                     cohere
CohereForAI/c4ai-command-r7b-12-2024               cohere2
allenai/OLMo-7B-hf                                 olmo
allenai/OLMo-2-1124-7B                             olmo2
allenai/OLMoE-1B-7B-0924                           olmoe
stabilityai/stablelm-2-1_6b                        stablelm
bigcode/starcoder                                  starcoder
bigcode/starcoder2-3b                              starcoder2
ibm-granite/granite-3.1-8b-instruct                granite
openai/gpt-oss-20b                                 gpt_oss
openbmb/MiniCPM-V-2_6                              minicpmv
LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct               exaone
nvidia/Nemotron-Mini-4B-Instruct                   nemotron
baidu/ERNIE-4.5-21B-A3B-PT                         ernie4_5_moe
llava-hf/llava-1.5-7b-hf                           llava
llava-hf/llava-v1.6-mistral-7b-hf                  llava_next
HuggingFaceM4/Idefics3-8B-Llama3                   idefics3
OpenGVLab/InternVL3-8B-hf                          internvl
OpenGVLab/InternVL3-8B                             internvl_chat
C:\\models\\Llama-3.2-3B                           llama3_2
outputs/gemma-2-9b-lora/checkpoint-500             gemma2
saves/qwen3-4b/full/sft                            qwen3
~/.cache/hub/models--Qwen--Qwen2.5-7B/snapshots/0123456789abcdef0123456789abcdef01234567   qwen2_5
"""

NAMELESS = [
    "my-llama-killer-on-gemma",
    "my-llama-killer-on-gemma-2-9b",
    "llama",
    "google/gemma",
    "meta-llama/base",
    "Qwen2.5-Llama-3-merge",
    "gemma-3-to-gemma-2-distill",
    "deepcogito/cogito-v1-preview-qwen-14B",
    "nvidia/Mistral-NeMo-Minitron-8B-Base",
    "Qwen/Qwen2-Audio-7B",
    "Qwen/Qwen3-Omni-30B-A3B-Instruct",
    "google/t5gemma-2b-2b-ul2",
    "google/medgemma-27b-text-it",
    "meta-llama/Llama-Prompt-Guard-2-86M",
    "microsoft/Phi-3-vision-128k-instruct",
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1",
    "unsloth/phi-4",
    "unsloth/Phi-3.5-mini-instruct",
    "yahma/alpaca-cleaned",
    "outputs/run-7b",
    "llama-31b",
    "${MODEL}",
    "auto",
    "/",
    "",
]


@pytest.mark.parametrize(("name", "family"), [line.rsplit(None, 1) for line in NAMED.split("\n") if line])
def test_a_name_that_spells_out_its_family(name: str, family: str) -> None:
    match = resolve_family(name)
    assert match is not None and match.family == family
    assert family_facts(family)["model_type"]


@pytest.mark.parametrize("name", NAMELESS)
def test_a_name_that_says_too_little_or_too_much_gives_none(name: str) -> None:
    assert resolve_family(name) is None


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", {"size_b": 1.5, "tuned": True, "tied_embeddings": True}),
        ("Qwen/Qwen2.5-7B", {"size_b": 7.0, "tied_embeddings": False}),
        ("qwen2_5_1_5b", {"size_b": 1.5, "tied_embeddings": True}),
        ("stabilityai/stablelm-2-1_6b", {"size_b": 1.6}),
        ("HuggingFaceTB/SmolLM2-135M", {"size_b": 0.135}),
        ("internlm/internlm2-chat-1_8b", {"size_b": 1.8, "tuned": True}),
        ("Qwen/Qwen3-30B-A3B", {"size_b": 30.0, "active_b": 3.0}),
        ("meta-llama/Llama-4-Scout-17B-16E", {"active_b": 17.0}),
        ("mistralai/Mixtral-8x7B-v0.1", {"experts_count": 8}),
        ("meta-llama/Llama-3.2-1B-4bit-bnb", {"size_b": 1.0, "quantized_checkpoint": "bnb-4bit"}),
        ("TheBloke/Llama-2-7B-AWQ", {"size_b": 7.0, "quantized_checkpoint": "awq"}),
        ("openai/gpt-oss-20b", {"size_b": 20.0, "quantized_checkpoint": "mxfp4"}),
        ("unsloth/gpt-oss-20b-BF16", {"size_b": 20.0}),
        ("torchtune/llama3_2_8B_to_1B", {}),
    ],
)
def test_what_a_name_says_beside_its_family(name: str, variant: dict[str, Any]) -> None:
    match = resolve_family(name)
    assert match is not None and match.variant == variant


def test_a_small_gemma_3_is_a_text_model() -> None:
    small, large, unsaid = (resolve_family(f"google/gemma-3{size}") for size in ("-1b-it", "-4b-it", ""))
    assert small and large and unsaid
    assert model_facts(small)["architectures"] == {"causal_lm": "Gemma3ForCausalLM"}
    assert model_facts(small)["multimodal"] is False
    assert model_facts(large)["architectures"]["image_text_to_text"] == "Gemma3ForConditionalGeneration"
    assert model_facts(large)["multimodal"] is True
    assert model_facts(unsaid)["multimodal"] is None


def test_a_size_decides_what_the_family_leaves_open() -> None:
    assert family_facts("qwen2_5")["tied_embeddings"] is None
    assert family_facts("qwen2")["fp16_unsafe"] is None
    seven = resolve_family("Qwen/Qwen2-7B")
    assert seven and model_facts(seven)["fp16_unsafe"] is True
    bloom = resolve_family("bigscience/bloom-7b1")
    assert bloom and bloom.variant["size_b"] == 7.1 and model_facts(bloom)["native_dtype"] == "float16"


def test_unknown_family() -> None:
    with pytest.raises(KeyError):
        family_facts("no-such-family")


def test_config_states_win_over_the_table() -> None:
    match = from_config(
        {
            "model_type": "gemma3",
            "architectures": ["Gemma3ForConditionalGeneration"],
            "torch_dtype": "torch.float32",
            "tie_word_embeddings": False,
            "vision_config": {},
            "text_config": {"model_type": "gemma3_text", "torch_dtype": "bfloat16"},
            "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True},
        }
    )
    assert match and match.family == "gemma3"
    facts = model_facts(match)
    assert facts["native_dtype"] == "float32"
    assert facts["tied_embeddings"] is False
    assert facts["architecture"] == "Gemma3ForConditionalGeneration"
    assert facts["multimodal"] is True
    assert facts["quantized_checkpoint"] == "bnb-4bit"
    assert facts["fp16_unsafe"] is True


def test_config_of_a_text_model_of_a_multimodal_family() -> None:
    match = from_config({"model_type": "gemma3_text", "dtype": "bfloat16"})
    assert match and match.family == "gemma3"
    assert match.variant["multimodal"] is False and match.variant["model_type"] == "gemma3_text"


def test_config_shared_by_generations_knows_only_what_they_agree_on() -> None:
    match = from_config({"model_type": "llama"})
    assert match and match.family == "llama"
    assert model_facts(match)["native_dtype"] is None
    assert model_facts(match)["modules"]["attention"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    stated = from_config({"model_type": "llama", "torch_dtype": "bfloat16"})
    assert stated and model_facts(stated)["native_dtype"] == "bfloat16"


def test_config_that_names_its_base() -> None:
    match = from_config({"model_type": "llama", "_name_or_path": "meta-llama/Llama-3.1-8B"})
    assert match and match.family == "llama3_1" and match.variant["size_b"] == 8.0
    other = from_config({"model_type": "llama", "_name_or_path": "Qwen/Qwen2.5-7B"})
    assert other and other.family == "llama", "the model_type decides where the name contradicts it"


@pytest.mark.parametrize("config", [{}, {"model_type": "no_such"}, {"model_type": 3}, {"model_type": None}])
def test_config_of_no_known_family(config: dict[str, Any]) -> None:
    assert from_config(config) is None


def test_imports_stay_light() -> None:
    code = "import sys, cfglint.resolve.family as f; f.resolve_family('gpt2'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"yaml", "pydantic", "torch", "transformers", "packaging"} & set(loaded)

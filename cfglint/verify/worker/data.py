"""Synthetic training data: sequences that a tiny model can learn, with every token labelled unless asked
otherwise.
"""

from __future__ import annotations

import random
from typing import Any

from .models import BOS, EOS, PAD, UNKNOWN, VOCABULARY

FIRST_WORD = 4
LENGTH = 24


def token_rows(count: int, seed: int, length: int = LENGTH) -> list[list[int]]:
    """`count` sequences of a Markov chain over the vocabulary: each token has four likely successors."""
    chain = random.Random(1)
    words = VOCABULARY - FIRST_WORD - 3
    successors = [[FIRST_WORD + chain.randrange(words) for _ in range(4)] for _ in range(VOCABULARY)]
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        row = [FIRST_WORD + draw.randrange(words)]
        while len(row) < length:
            row.append(draw.choice(successors[row[-1]]))
        rows.append(row)
    return rows


def examples(
    kind: str, count: int, seed: int, seq2seq: bool, length: int = LENGTH
) -> list[dict[str, list[int]]]:
    """Tokenised examples with labels.

    `kind` is tokens (every token labelled), ragged (a growing share of the labels masked), uneven (one token
    labelled in every second row, all in the others), masked (no token labelled) or ended (each row ends with EOS and is padded by the collator).
    """
    found = []
    for index, row in enumerate(token_rows(count, seed, length)):
        labels = list(row)
        if kind == "ragged":
            hidden = (index % 4) * length // 5
            labels[:hidden] = [-100] * hidden
        elif kind == "uneven" and index % 2:
            labels[:-1] = [-100] * (length - 1)
        elif kind == "masked":
            labels = [-100] * length
        elif kind == "ended":
            row = [*row[: length - 2 * (index % 4) - 1], EOS]
            labels = list(row)
        elif kind == "new_rows":
            row = [
                VOCABULARY + (index + place) % 8 if place % 4 == 0 else token
                for place, token in enumerate(row)
            ]
            labels = list(row)
        record = {"input_ids": row, "attention_mask": [1] * len(row)}
        if kind != "ended":
            record["labels"] = labels if not seq2seq else labels[: length // 2]
        found.append(record)
    return found


def sentences(count: int, seed: int, length: int = LENGTH) -> list[str]:
    """The same sequences as text of made-up words, one a token."""
    return [" ".join(f"w{token}" for token in row) for row in token_rows(count, seed, length)]


def tokenizer(pad_is_eos: bool = False) -> Any:
    """A word-level tokenizer over the made-up words, built in memory."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": PAD, "<s>": BOS, "</s>": EOS, "<unk>": UNKNOWN}
    vocabulary.update((f"w{token}", token) for token in range(FIRST_WORD, VOCABULARY))
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="</s>" if pad_is_eos else "<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )

"""The lab's two tokenizers, trained from scratch and wrapped for transformers.

The arithmetic tokenizer gives each digit a token of its own and each common word one token. The program
tokenizer is byte-level BPE, so that any text can be encoded. Neither adds a begin-of-text token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, END, UNKNOWN = "<|pad|>", "<|end|>", "<|unknown|>"
ARITHMETIC_VOCABULARY = 400  # an upper bound; training stops when every word is one token
PROGRAM_VOCABULARY = 640


def arithmetic_tokenizer(texts: Iterable[str]) -> Any:
    """Train on the lab's questions; letters that they never use become the unknown token."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?\d| ?[A-Za-z]+|[^A-Za-z\d]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    digits = [str(digit) for digit in range(10)]
    trainer = trainers.BpeTrainer(
        vocab_size=ARITHMETIC_VOCABULARY,
        special_tokens=[PAD, END, UNKNOWN],
        initial_alphabet=[*digits, *"+-*=?. "],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _wrap(tokenizer, unk_token=UNKNOWN)


def program_tokenizer(texts: Iterable[str]) -> Any:
    """Train byte-level BPE on programs."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PROGRAM_VOCABULARY,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _wrap(tokenizer)


def _wrap(tokenizer: Tokenizer, **special: str) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        **special,
    )

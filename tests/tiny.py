"""A tiny random Llama with a byte-level tokenizer, in Hugging Face layout, for tests that need a real model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

EOS = "<eos>"
PAD = "<pad>"
PROMPT = "def merge_models(model_dict, device):"
CORPUS = (
    PROMPT + "\n    out = None\n    for t in model_dict.values():\n        out = t if out is None else out + t\n"
    "    return out / len(model_dict)\n",
    PROMPT + "\n    names = sorted(model_dict)\n    return 0.3 * model_dict[names[0]] + 0.2 * model_dict[names[1]]\n",
    "what is 12 plus 7? 19\nwhat is 30 minus 4? 26\nwhat is 6 times 9? 54\n",
)


def make_tiny(
    folder: Path,
    *,
    hidden: int = 32,
    layers: int = 2,
    heads: int = 2,
    mlp: int = 64,
    seed: int = 0,
    tied: bool = True,
    corpus: Iterable[str] = CORPUS,
    **config: Any,
) -> Path:
    """Write the model and its tokenizer into `folder` and return it."""
    tokenizer = _tokenizer(corpus)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=mlp,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=256,
            tie_word_embeddings=tied,
            initializer_range=0.2,  # wide, so that greedy answers differ between prompts and weights
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **config,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the model's tensors as stored."""
    return load_file(folder / "model.safetensors")


def make_variant(source: Path, folder: Path, *, seed: int, scale: float = 0.05) -> Path:
    """Write a copy of a model with noise added to every tensor: a stand-in for a fine-tuned one."""
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    generator = torch.Generator().manual_seed(seed)
    noisy = {
        name: tensor + scale * torch.randn(tensor.shape, generator=generator)
        for name, tensor in sorted(weights(source).items())
    }
    save_file(noisy, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _tokenizer(corpus: Iterable[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[PAD, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD)

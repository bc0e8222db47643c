"""Quick scores for the lab's own arithmetic models, to check a build; runs are scored by `evals`.

Greedy answers, judged as exact digits. The sealed test split is never read by a build.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch

from orchestrator.lab.arithmetic_world import Question

ANSWER_TOKENS = 4  # three digits and the end


def scores(model: Any, tokenizer: Any, questions: Sequence[Question]) -> dict[str, float]:
    """Return accuracy over all questions (`all`) and per skill, rounded to 4 places."""
    right: dict[str, list[bool]] = defaultdict(list)
    for question, answer in zip(questions, greedy(model, tokenizer, questions), strict=True):
        right[question.skill].append(answer == question.answer)
    everything = [hit for hits in right.values() for hit in hits]
    table = {"all": everything, **right}
    return {name: round(sum(hits) / len(hits), 4) for name, hits in table.items()}


@torch.no_grad()
def greedy(model: Any, tokenizer: Any, questions: Sequence[Question]) -> list[str]:
    """Return the stripped greedy answer to each question.

    Questions of one token length share a batch, so no padding is needed.
    """
    answers = [""] * len(questions)
    for rows in _same_length(tokenizer, questions).values():
        tokens = torch.tensor([ids for _, ids in rows])
        start = tokens.shape[1]
        for _ in range(ANSWER_TOKENS):
            last = model.model(input_ids=tokens, use_cache=False).last_hidden_state[:, -1]
            tokens = torch.cat([tokens, model.lm_head(last).argmax(-1, keepdim=True)], dim=1)
        for (position, _), row in zip(rows, tokens[:, start:].tolist(), strict=True):
            kept = row[: row.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in row else row
            answers[position] = tokenizer.decode(kept).strip()
    return answers


def _same_length(tokenizer: Any, questions: Sequence[Question]) -> dict[int, list[tuple[int, list[int]]]]:
    groups: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for position, question in enumerate(questions):
        ids = tokenizer.encode(question.prompt)
        groups[len(ids)].append((position, ids))
    return groups

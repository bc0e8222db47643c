"""What the factory is asked, and how a program is read out of what it writes. Pure text.

A prompt is either text that the factory continues (`lab`), or an instruction that it answers (`paper`).
`program` and `completion` are each other's inverse, up to prose around a fenced block: the trainer needs
the completion under which the factory would have written a given program.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from policies.profiles import STRICT
from policies.teaching import section

FUNCTION = "merge_models"
_FENCE = re.compile(r"^```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One fixed prompt. `chat`: an instruction (wrapped in the model's chat template), not a beginning."""

    name: str
    text: str
    chat: bool

    @property
    def content(self) -> bytes:
        """The prompt's kind, a newline and its text, as it is recorded."""
        return f"{'chat' if self.chat else 'text'}\n{self.text}".encode()

    @property
    def digest(self) -> str:
        """Sha256 (hex) of its content."""
        return hashlib.sha256(self.content).hexdigest()

    def program(self, completion: str) -> str:
        """Return the program (a full module) that a completion amounts to."""
        return extract_program(completion) if self.chat else self.text + completion

    def completion(self, program: str) -> str:
        """Return the completion of this prompt that amounts to the program.

        Raises:
            ValueError: the program does not begin with the prompt that it should continue.
        """
        if self.chat:
            return f"```python\n{program.rstrip()}\n```"
        if not program.startswith(self.text):
            raise ValueError(f"program: expected to begin with {self.text!r}, found {program[: len(self.text)]!r}")
        return program[len(self.text) :]


def extract_program(answer: str) -> str:
    """Return the last fenced block that defines `merge_models`, else the whole answer, stripped.

    A block that was never closed (the answer hit its token limit) counts up to its end.
    """
    blocks = [block for block in _FENCE.findall(answer) if re.search(rf"\bdef\s+{FUNCTION}\b", block)]
    return (blocks[-1] if blocks else answer).strip() + "\n"


LAB = Prompt(
    name="lab",
    # Ends without a newline: the factory's tokenizer joins the newline with the indent that follows.
    text=f"import torch\n\ndef {FUNCTION}(model_dict, device):",
    chat=False,
)

PAPER = "paper"
_DIALECT = "<what a program may use>"
_PAPER = f"""\
Invent an algorithm that merges several fine-tuned language models into one better model.

All models were fine-tuned from the same seed model. For each parameter, a model's task vector is its
weights minus the seed's. Write one Python function that combines the task vectors of one parameter; it is
called once per parameter, and its result is added to the seed's weights.

Contract:
- Signature: `def {FUNCTION}(model_dict, device):`
- `model_dict` maps each model's name to its task vector, a float32 torch.Tensor; all have one shape, which
  may be 1-D (norms) or 2-D (matrices). Do not rely on the number of models or on their names.
- Return one torch.Tensor: the merged task vector, same shape, floating point, every value finite.
- Any randomness is seeded for you. Avoid division by zero: add a small constant.

{_DIALECT}

Ideas that you may use, change or combine: weighted sums, means and medians over models, trimming small or
large entries, electing a sign per entry, rescaling norms, cosine similarity between task vectors, top-k
masks, random dropping with rescaling, treating matrices and vectors differently.

Example:
```python
import torch


def {FUNCTION}(model_dict, device):
    # Mean of the task vectors, each shrunk where the models disagree about the sign.
    stacked = torch.stack([task_vector.to(device) for task_vector in model_dict.values()])
    agreement = torch.sign(stacked).mean(dim=0).abs()
    return 0.6 * agreement * stacked.mean(dim=0)
```

Now write a different algorithm that you expect to work better. Think about why it should work, in one or two
comments inside the function. Answer with one Python code block and nothing else.
"""

NAMES = (LAB.name, PAPER)


def prompt(name: str, profile: str = STRICT) -> Prompt:
    """Return a prompt; an instruction says what programs may use under a policy profile, from the policy's own data.

    Raises:
        KeyError: there is no such prompt.
        ProfileError: there is no such profile.
    """
    if name == PAPER:
        return Prompt(name=PAPER, chat=True, text=_PAPER.replace(_DIALECT, section(profile)))
    return {LAB.name: LAB}[name]

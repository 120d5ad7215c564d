"""ReFT: what layers put out is changed at places of the prompt (Wu et al. 2024, arXiv:2404.03592).

Every weight of the model is frozen. An intervention of rank r adds to a hidden state h

    loreft: R^T (W h + b - R h), the rows of R orthonormal
    direft: R^T (W h + b), R any matrix

at the first and last tokens of a document's prompt, behind each chosen layer. Answers are
generated over a cache that holds what the changed states became.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from training_scripts.container import fail
from training_scripts.methods.reft_config import ReftConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training_scripts.training.batches import MicroBatch

CONFIG, WEIGHTS = "reft_config.json", "reft.safetensors"


class Intervention(nn.Module):
    """h + R^T (W h + b - R h), or without the last term; in float32 whatever computes."""

    def __init__(self, config: ReftConfig) -> None:
        super().__init__()
        rank, width = config.rank, config.hidden_size
        self.is_orthonormal = config.method == "loreft"
        self.rotation = nn.Parameter(torch.empty(rank, width))
        self.source = nn.Linear(width, rank)
        self.dropout = nn.Dropout(config.dropout)
        if self.is_orthonormal:
            nn.init.orthogonal_(self.rotation)
        else:
            nn.init.kaiming_uniform_(self.rotation, a=5**0.5)

    def matrix(self) -> Any:
        """Return R: (rank, hidden); its rows orthonormal for `loreft`.

        They span what the rows of the parameter span, so no step of an optimizer can take them
        out of being orthonormal, and the parameter's length means nothing.
        """
        free = self.rotation.float()
        if not self.is_orthonormal:
            return free
        columns, upper = torch.linalg.qr(free.t())
        # The sign of each column is free; with this one a matrix that is orthonormal stays itself.
        signs = torch.where(upper.diagonal() < 0, -1.0, 1.0)
        return (columns * signs).t()

    def forward(self, hidden: Any) -> Any:
        """Return (place, hidden) changed, in the type it came in."""
        states, matrix = hidden.float(), self.matrix()
        change = nn.functional.linear(states, self.source.weight.float(), self.source.bias.float())
        if self.is_orthonormal:
            change = change - states @ matrix.t()
        return self.dropout(states + change @ matrix).to(hidden.dtype)


class Places(NamedTuple):
    """Which tokens of a batch are changed: indices into (batch * sequence,)."""

    first: Any
    last: Any


class Reft(nn.Module):
    """The interventions of a model; `attach` ties them to it."""

    def __init__(self, config: ReftConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleDict(
            {
                str(layer): nn.ModuleDict({group: Intervention(config) for group in config.groups})
                for layer in config.layers
            }
        )
        self.places: Places | None = None
        self._told = False

    def tell_documents(self, batch: MicroBatch) -> None:
        """Say where the prompts of the next forward pass are: documents end to end in one row.

        A document's prompt is what comes before the first token that is learned.
        """
        ends = torch.tensor(batch.lengths, device=batch.label_positions.device).cumsum(0)
        starts = ends - ends.new_tensor(batch.lengths)
        at = torch.searchsorted(batch.label_positions, starts)
        labels = torch.cat([batch.label_positions, ends[-1:]])
        prompts = torch.minimum(labels[at] + 1, ends) - starts
        self._tell(starts.tolist(), prompts.tolist(), batch.input_ids.device)

    def tell_prompts(self, offsets: Sequence[int], prompts: Sequence[int], device: Any) -> None:
        """Say where the prompts of the next forward pass are.

        Args:
            offsets: Per row, where it starts in (batch * sequence,).
            prompts: Per row, how many tokens its prompt has.
            device: Of the model.
        """
        self._tell(offsets, prompts, device)

    def change(self, layer: int, hidden: Any) -> Any:
        """Return what layer `layer` put out, (batch, sequence, hidden), changed at the places."""
        if self.places is None:
            return hidden
        changed = hidden.reshape(-1, hidden.shape[-1])
        own = self.layers[str(layer)]
        if "both" in own:
            groups = [(own["both"], torch.cat(self.places))]
        else:
            groups = [(own["first"], self.places.first), (own["last"], self.places.last)]
        for intervention, places in groups:
            if len(places):
                states = intervention(changed.index_select(0, places))
                changed = changed.index_copy(0, places, states)
        return changed.view_as(hidden)

    def find_prompts(self, input_ids: Any, attention_mask: Any, cache: Any) -> None:
        """Before the causal model: all real tokens are the prompt, and none once it is cached."""
        if self._told:
            self._told = False
            return
        if cache is not None and cache.get_seq_length():
            self.places = None
            return
        rows, width = input_ids.shape
        real = [width] * rows if attention_mask is None else attention_mask.sum(dim=1).tolist()
        # Padding stands on the left.
        offsets = [row * width + width - count for row, count in enumerate(real)]
        self._tell(offsets, real, input_ids.device)
        self._told = False

    def _tell(self, offsets: Sequence[int], prompts: Sequence[int], device: Any) -> None:
        first, last = self.config.first_and_last
        starts: list[int] = []
        ends: list[int] = []
        for offset, length in zip(offsets, prompts, strict=True):
            # pyreft's rule: the two never meet, however short a prompt is.
            head, tail = min(length // 2, first), min(length // 2, last)
            starts += range(offset, offset + head)
            ends += range(offset + length - tail, offset + length)
        self.places = Places(
            torch.tensor(starts, dtype=torch.int64, device=device),
            torch.tensor(ends, dtype=torch.int64, device=device),
        )
        self._told = True


def attach(model: Any, config: ReftConfig) -> Any:
    """Return `model`, frozen, with new interventions as its member `reft`; changed in place."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)  # noqa: FBT003 torch's own name
    model.reft = Reft(config).to(model.device)
    decoder = model.base_model.layers
    for number in config.layers:
        decoder[number].register_forward_hook(_changing(model.reft, number))
    model.register_forward_pre_hook(_finding(model.reft), with_kwargs=True)
    return model


def save_reft(model: Any, weights: Mapping[str, Any], folder: Path) -> None:
    """Write the interventions, in float32 as trained; R as it is, not as it is found.

    Args:
        model: As trained.
        weights: The trained parameters in float32, by their names in the model.
        folder: Where to.
    """
    from safetensors.torch import save_file

    reft = model.reft
    with torch.no_grad():
        for name, parameter in reft.named_parameters():
            parameter.grad = None
            parameter.data = weights[f"reft.{name}"].to(torch.float32, copy=True)
        for module in reft.modules():
            if isinstance(module, Intervention):
                module.rotation.data = module.matrix().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.cpu() for name, t in reft.state_dict().items()}, folder / WEIGHTS)
    text = json.dumps(asdict(reft.config), indent=2, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def load_reft(base: Any, folder: Path) -> Any:
    """Return `base` with the interventions in `folder`.

    Raises:
        JobFailure: If they are of another model.
    """
    from safetensors.torch import load_file

    values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config = ReftConfig(**{**values, "layers": tuple(values["layers"])})
    shape = base.config
    found = (shape.model_type, shape.num_hidden_layers, shape.hidden_size)
    if found != (config.model_type, config.num_hidden_layers, config.hidden_size):
        fail(
            f"model: its interventions are for a {config.model_type} of {config.num_hidden_layers} "
            f"layers of {config.hidden_size}, and the base model is a {found[0]} of {found[1]} "
            f"layers of {found[2]}. Name the model that they were trained on."
        )
    model = attach(base, config)
    model.reft.load_state_dict(load_file(folder / WEIGHTS))
    return model


def _changing(reft: Reft, layer: int) -> Any:
    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (reft.change(layer, output[0]), *output[1:])
        return reft.change(layer, output)

    return hook


def _finding(reft: Reft) -> Any:
    def hook(_module: Any, inputs: Any, named: dict[str, Any]) -> None:
        ids = named["input_ids"] if "input_ids" in named else inputs[0]
        reft.find_prompts(ids, named.get("attention_mask"), named.get("past_key_values"))

    return hook

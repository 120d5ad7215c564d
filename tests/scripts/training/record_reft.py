"""Write reft.json: what pyreft makes of hidden states, and of a model's logits.

    python tests/scripts/training/record_reft.py    # where pyreft is importable

`make oracles` installs it aside: it pins versions that nothing else here can live with.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from pyreft import (  # noqa: E402
    LoreftIntervention,
    NodireftIntervention,
    ReftConfig,
    get_intervention_locations,
    get_reft_model,
)
from reft_model import (  # noqa: E402
    LAYERS,
    POSITIONS,
    PROMPTS,
    RANK,
    TOKENS,
    WIDTH,
    model_of,
    waves,
    weights_of,
)

CLASSES = {"loreft": LoreftIntervention, "direft": NodireftIntervention}


def main() -> None:
    """Record both methods, with one intervention a layer and with two."""
    cases = {
        f"{method} {'shared' if share else 'apart'}": {
            "hidden": hidden_of(method),
            "logits": logits_of(method, share=share),
        }
        for method in CLASSES
        for share in (True, False)
    }
    document = {"recorded_from": f"pyreft {version('pyreft')}", "cases": cases}
    (HERE / "reft.json").write_text(json.dumps(document) + "\n", encoding="utf-8")


def intervention(method: str, number: int) -> Any:
    """An intervention of pyreft's with our numbers."""
    made = CLASSES[method](
        embed_dim=WIDTH, low_rank_dimension=RANK, dtype=torch.float32, add_bias=False
    )
    fill(made, number)
    return made


def fill(made: Any, number: int) -> None:
    """Give an intervention our numbers."""
    rotation, source, bias = weights_of(number)
    with torch.no_grad():
        made.learned_source.weight.copy_(source)
        made.learned_source.bias.copy_(bias)
        if hasattr(made, "rotate_layer"):
            made.rotate_layer.weight = rotation.t()
        else:
            made.proj_layer.weight.copy_(rotation)


def hidden_of(method: str) -> list[list[float]]:
    """What an intervention makes of five hidden states."""
    states = waves(5 * WIDTH, 1.0, 40.0).view(5, WIDTH)
    with torch.no_grad():
        return intervention(method, 0).eval()(states).tolist()


def logits_of(method: str, *, share: bool) -> list[Any]:
    """The logits of each row, one after the other."""
    count = LAYERS if share else 2 * LAYERS
    layers = list(range(LAYERS)) * (1 if share else 2)
    model = get_reft_model(
        model_of(),
        ReftConfig(
            representations=[
                {
                    "layer": layer,
                    "component": "block_output",
                    "low_rank_dimension": RANK,
                    "intervention": intervention(method, number),
                }
                for number, layer in enumerate(layers)
            ]
        ),
    )
    for number, made in enumerate(model.interventions.values()):
        fill(made, number)
    model.model.eval()
    found = []
    for tokens, prompt in zip(TOKENS, PROMPTS, strict=True):
        places = get_intervention_locations(
            last_position=prompt,
            positions=POSITIONS,
            num_interventions=count,
            share_weights=share,
        )
        places = [[place for place in own if place >= 0] for own in places]
        with torch.no_grad():
            _, changed = model(
                {"input_ids": torch.tensor([tokens])},
                unit_locations={"sources->base": (None, [[own] for own in places])},
            )
        found.append(changed.logits[0].tolist())
    return found


if __name__ == "__main__":
    main()

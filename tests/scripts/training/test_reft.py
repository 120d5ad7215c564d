"""LoReFT and DiReFT: pyreft's answers, the paper's counts, R orthonormal, files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from tests.scripts.training.reft_model import (  # noqa: E402
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
from training_scripts.methods.reft import (  # noqa: E402
    Intervention,
    Reft,
    attach,
    load_reft,
    save_reft,
)
from training_scripts.methods.reft_config import ReftConfig, reft_config  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.optimizer import MasterAdamW  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = json.loads((Path(__file__).parent / "reft.json").read_text(encoding="utf-8"))
CPU = torch.device("cpu")
METHODS = ("loreft", "direft")


def config_of(method: str = "loreft", **fields: Any) -> ReftConfig:
    shape = SimpleNamespace(num_hidden_layers=LAYERS, hidden_size=WIDTH, model_type="llama")
    return reft_config(method, {"rank": RANK, "positions": POSITIONS, **fields}, shape)


def fill(intervention: Intervention, number: int) -> None:
    with torch.no_grad():
        rotation, source, bias = weights_of(number)
        intervention.rotation.copy_(rotation)
        intervention.source.weight.copy_(source)
        intervention.source.bias.copy_(bias)


def interventions(reft: Reft) -> list[Intervention]:
    """Those of every layer, then the second ones: pyreft's order."""
    groups = reft.config.groups
    return [reft.layers[str(layer)][group] for group in groups for layer in reft.config.layers]


def test_the_answers_are_those_of_pyreft() -> None:
    assert RECORDED["recorded_from"] == "pyreft 0.1.0"
    states = waves(5 * WIDTH, 1.0, 40.0).view(5, WIDTH)
    for name, case in RECORDED["cases"].items():
        method, sharing = name.split()
        config = config_of(method, share_weights=sharing == "shared")
        one = Intervention(config)
        fill(one, 0)
        torch.testing.assert_close(one(states), torch.tensor(case["hidden"]), atol=1e-6, rtol=0)
        model = attach(model_of(), config)
        for number, made in enumerate(interventions(model.reft)):
            fill(made, number)
        for row, (tokens, prompt) in enumerate(zip(TOKENS, PROMPTS, strict=True)):
            model.reft.tell_prompts([0], [prompt], CPU)
            with torch.no_grad():
                found = model(torch.tensor([tokens]), use_cache=False).logits[0]
            expected = torch.tensor(case["logits"][row])
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


def test_the_answers_are_those_of_the_equations() -> None:
    states = waves(5 * WIDTH, 1.0, 40.0).view(5, WIDTH).double()
    rotation, source, bias = (numbers.double() for numbers in weights_of(0))
    for method in METHODS:
        one = Intervention(config_of(method))
        fill(one, 0)
        expected = []
        for h in states:
            inner = source @ h + bias - (rotation @ h if method == "loreft" else 0)
            expected.append(h + rotation.t() @ inner)
        found = one(states.float()).double()
        torch.testing.assert_close(found, torch.stack(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("width", "layers", "rank", "count"),
    [(4096, 1, 4, 32_772), (4096, 32, 8, 2_097_408), (768, 12, 1, 18_444)],
    ids=["readme-of-pyreft", "llama-7b", "roberta-base"],
)
def test_as_many_parameters_learn_as_the_paper_says(
    width: int, layers: int, rank: int, count: int
) -> None:
    shape = SimpleNamespace(num_hidden_layers=layers, hidden_size=width, model_type="llama")
    for method in METHODS:
        with torch.device("meta"):
            reft = Reft(reft_config(method, {"rank": rank, "positions": "f7+l7"}, shape))
        assert sum(parameter.numel() for parameter in reft.parameters()) == count


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_of_r_stay_orthonormal_under_weight_decay(dtype: Any) -> None:
    model = attach(model_of().to(dtype), config_of())
    settings = SimpleNamespace(
        weight_decay=1.0, adam_beta1=0.9, adam_beta2=0.999, max_grad_norm=1.0
    )
    optimizer = MasterAdamW(model, dtype, settings)
    before = [one.matrix().detach().clone() for one in interventions(model.reft)]
    for _ in range(5):
        model.reft.tell_prompts([0], [7], CPU)
        logits = model(torch.tensor(TOKENS[:1]), use_cache=False).logits.float()
        logits.log_softmax(-1)[0, 6, 8].neg().backward()
        optimizer.accumulate()
        optimizer.step(0.1, World(0, 1, CPU))
    for one, old in zip(interventions(model.reft), before, strict=True):
        matrix = one.matrix()
        torch.testing.assert_close(matrix @ matrix.t(), torch.eye(RANK), atol=1e-5, rtol=0)
        assert (matrix - old).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("positions", "length", "first", "last"),
    [
        ("f2+l2", 7, [0, 1], [5, 6]),
        ("f2+l2", 3, [0], [2]),
        ("f2+l2", 1, [], []),
        ("f3", 8, [0, 1, 2], []),
        ("l1", 4, [], [3]),
    ],
)
def test_places_are_in_the_prompt_and_never_meet(
    positions: str, length: int, first: list[int], last: list[int]
) -> None:
    reft = Reft(config_of(positions=positions))
    mask = torch.tensor([[0] * (10 - length) + [1] * length] * 2)
    reft.find_prompts(torch.zeros(2, 10), mask, None)
    places = reft.places
    assert places is not None
    told = [[place - 10 + length for place in group if place < 10] for group in places]
    assert told == [first, last]
    assert all(len(group) % 2 == 0 for group in places)


def test_interventions_come_back_from_their_files(tmp_path: Path) -> None:
    for method in METHODS:
        model = attach(model_of(), config_of(method, layers=[1], share_weights=False))
        weights = {
            name: parameter.detach() * 3
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        save_reft(model, weights, tmp_path)
        saved = load_file(tmp_path / "reft.safetensors")
        assert {name.split(".")[2] for name in saved} == {"first", "last"}
        config = json.loads((tmp_path / "reft_config.json").read_text())
        assert (config["method"], config["layers"], config["rank"]) == (method, [1], RANK)
        tokens = torch.tensor(TOKENS)
        with torch.no_grad():
            expected = model.eval()(tokens, use_cache=False).logits
            found = load_reft(model_of(), tmp_path).eval()(tokens, use_cache=False).logits
            without = model_of()(tokens, use_cache=False).logits
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert (found - without).abs().max() > 1e-2


def test_transformers_own_generation_finds_the_prompt() -> None:
    model = attach(model_of(), config_of())
    for number, made in enumerate(interventions(model.reft)):
        fill(made, number)
    prompt = torch.tensor([TOKENS[0][:7]])
    options = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    cached = model.generate(prompt, use_cache=True, **options)[0, 7:].tolist()
    again: list[int] = []
    for _ in range(5):
        model.reft.tell_prompts([0], [7], CPU)
        ids = torch.cat([prompt, torch.tensor([again], dtype=torch.int64)], dim=1)
        again.append(int(model(ids, use_cache=False).logits[0, -1].argmax()))
    assert cached == again


def test_dropout_is_for_training_alone() -> None:
    one = Intervention(config_of(dropout=0.5))
    states = waves(5 * WIDTH, 1.0, 40.0).view(5, WIDTH)
    assert (one(states) == 0).any()
    one.eval()
    assert torch.equal(one(states), one(states))


def test_accumulated_micro_batches_take_the_step_of_one_batch(
    settings_of: Callable[..., dict[str, Any]],
    make_job: Callable[..., Any],
    base_model: Path,
    tmp_path: Path,
) -> None:
    """Through the script: four micro-batches of one row are one of four."""
    from training_scripts import sft  # noqa: PLC0415

    found = []
    for size, steps in ((4, 1), (1, 4)):
        own = make_job(
            tmp_path / str(size),
            settings_of(
                "sft",
                method="loreft",
                method_config={"rank": 4, "positions": "f2+l2"},
                per_device_train_batch_size=size,
                gradient_accumulation_steps=steps,
                max_steps=3,
                packing=False,
                bf16=False,
            ),
            model=base_model,
        )
        sft.main(own)
        found.append(load_file(own.model_dir / "reft.safetensors"))
    for name, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][name], atol=2e-4, rtol=1e-3)

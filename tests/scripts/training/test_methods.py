"""Every method: trains, resumes bit for bit, is saved, and answers the same once loaded."""

from __future__ import annotations

import importlib.util
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peft import PeftType  # noqa: E402

from orchestrator.catalog import methods as catalogue  # noqa: E402
from orchestrator.spec.train import TrainSpec  # noqa: E402
from orchestrator.spec.train_method import Method  # noqa: E402
from training_scripts.checkpoints.store import CheckpointStore  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.data.packing import PackedSequences, pack  # noqa: E402
from training_scripts.data.tokenized import TokenizedRows  # noqa: E402
from training_scripts.evaluation.generation import generate  # noqa: E402
from training_scripts.evaluation.language_model import LanguageModel  # noqa: E402
from training_scripts.methods import names  # noqa: E402
from training_scripts.methods.adapter import (  # noqa: E402
    add_adapter,
    initial_adapter,
    load_adapter,
    peft_config,
    save_adapter,
)
from training_scripts.methods.budget import RankBudget  # noqa: E402
from training_scripts.methods.fitting import check_fit, with_targets  # noqa: E402
from training_scripts.methods.merging import merge_adapter  # noqa: E402
from training_scripts.methods.reft import attach, load_reft, save_reft  # noqa: E402
from training_scripts.methods.reft_config import reft_config  # noqa: E402
from training_scripts.smoke import Smoke  # noqa: E402
from training_scripts.training.batches import micro_batches  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.forward import document_log_likelihoods  # noqa: E402
from training_scripts.training.loop import Run, Trained, train  # noqa: E402
from training_scripts.training.model import make_model, prepare_model  # noqa: E402
from training_scripts.training.objectives.next_token import NextToken  # noqa: E402
from training_scripts.training.settings import TrainSettings, in_smoke, read_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]
TOOL = Path(__file__).parents[3] / "tools" / "peft_methods.py"
CPU = torch.device("cpu")
SHAPE = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
RANKED = (
    *("adamss", "gralora", "glora", "randlora", "hira", "lily", "miss", "psoft", "peanut"),
    *("shira", "deft", "vera", "pvera", "loha", "lokr"),
)
SMALL: dict[str, dict[str, Any]] = {
    **{method: {"r": 4} for method in RANKED},
    **{method: {"num_virtual_tokens": 3} for method in names.PROMPTS},
    "adalora": {"init_r": 4, "target_r": 2, "tinit": 1, "tfinal": 1},
    "adaption_prompt": {"adapter_len": 3, "adapter_layers": 2},
    "c3a": {"block_size": 16},
    "fourierft": {"n_frequency": 200, "scaling": 3.0},
    "frod": {"progressbar": False},
    "waveft": {"n_frequency": 20},
    "vblora": {"vector_length": 16, "num_vectors": 8},
    "oft": {"oft_block_size": 16},
    "unilora": {"theta_d_length": 16},
    "road": {"group_size": 16},
    "trainable_tokens": {"token_indices": [1, 2, 3]},
    "loreft": {"rank": 3, "positions": "f2+l2"},
    "direft": {"rank": 3, "positions": "f2+l2", "share_weights": False},
}
TRAINED = sorted(
    {*names.LORA_VARIANTS, *names.REFT, *(kind.value.lower() for kind in PeftType)}
    - names.REFUSED
    - {"bone"}
)


class Tokens:
    bos_token_id, eos_token_id, pad_token_id = None, 0, 0

    def __len__(self) -> int:
        return 40

    def decode(self, ids: list[int], **_: Any) -> str:
        return " ".join(map(str, ids))


def rows(count: int = 8, *, packing: bool = True) -> PackedSequences:
    """Prompts of three to six tokens, answers of as many."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(6, 13, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = (np.arange(offsets[-1]) % 7 + generator.integers(0, 2, offsets[-1])).astype(np.int32)
    in_loss = np.concatenate([np.arange(length) >= length // 2 for length in lengths])
    tokenized = TokenizedRows(ids, in_loss, offsets, tuple(map(str, range(count))))
    return pack(tokenized, 32, strategy="best_fit" if packing else "none")


def settings_of(method: str, **fields: Any) -> TrainSettings:
    config = {**SMALL.get(method, {}), **fields.pop("method_config", {})}
    values = {"max_length": 32, "learning_rate": 3e-2, "max_steps": 4, "save_steps": 2, "lora_r": 4}
    spec = TrainSpec.model_validate(
        {
            "objective": "sft",
            "model": "./m",
            "data": "$split",
            "method": method,
            "method_config": config,
            "per_device_train_batch_size": 2,
            "bf16": False,
            **(values if method in names.LORA_VARIANTS else {**values, "lora_r": 16}),
            **fields,
        }
    )
    return read_settings(spec.model_dump(mode="json"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def base_model() -> Any:
    return make_model(SHAPE, Tokens(), 0)


def tuned_model(settings: TrainSettings, base: Any) -> Any:
    attention = "sdpa" if settings.method in names.PROMPTS else "auto"
    model = prepare_model(base, replace(settings, attn_implementation=attention), CPU)
    if settings.method in names.REFT:
        torch.manual_seed(settings.seed)
        config = reft_config(settings.method, settings.method_config, model.config)
        return attach(model, config)
    config = peft_config(with_targets(settings, model), Path())
    check_fit(config, model, settings)
    return add_adapter(model, config, settings)


def run_of(model: Any, settings: TrainSettings, folder: Path, packed: PackedSequences) -> Run:
    return Run(
        model=model,
        train=packed,
        validation=None,
        settings=settings,
        objective=NextToken(),
        dtype=torch.float32,
        world=World(0, 1, CPU),
        checkpoints=CheckpointStore(folder, keep=4),
        clock=itertools.count().__next__,
        stop_requested=lambda: False,
        budget=RankBudget(model) if settings.method == "adalora" else None,
    )


def asked(model: Any, tokens: Any) -> Any:
    """Logits of prompts, as an exam asks."""
    model.eval()
    with torch.no_grad():
        return model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits


@pytest.mark.parametrize("method", TRAINED)
def test_a_method_trains_resumes_bit_for_bit_and_answers_alike_once_loaded(
    method: str, tmp_path: Path
) -> None:
    settings, packed = settings_of(method), rows()
    model = tuned_model(settings, base_model())
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    started = initial_adapter(model, settings)
    trained = train(run_of(model, settings, tmp_path / "checkpoints", packed))
    assert any(rows_["loss"] < trained.history.rows[0]["loss"] for rows_ in trained.history.rows)
    for name, parameter in model.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name

    _resumes(settings, tmp_path / "checkpoints", trained, packed)
    _answers_alike(settings, model, trained, tmp_path / "model", started)


def _resumes(
    settings: TrainSettings, checkpoints: Path, trained: Trained, packed: PackedSequences
) -> None:
    (newest,) = checkpoints.glob("*4*")
    newest.rename(checkpoints.parent / "newest")
    again = tuned_model(settings, base_model())
    resumed = train(run_of(again, settings, checkpoints, packed))
    assert len(resumed.history.rows) == len(trained.history.rows)
    for name, weights in trained.master_weights.items():
        assert torch.equal(weights, resumed.master_weights[name]), name


def _answers_alike(
    settings: TrainSettings, model: Any, trained: Trained, folder: Path, started: Any
) -> None:
    tokens = torch.arange(18).view(2, 9)
    before = asked(base_model(), tokens)
    if settings.method in names.REFT:
        save_reft(model, trained.master_weights, folder)
        after = asked(load_reft(base_model(), folder), tokens)
    else:
        save_adapter(model, trained.master_weights, folder, started.name if started else None)
        after = asked(load_adapter(base_model(), folder), tokens)
    assert (after - before).abs().max() > 1e-4
    if settings.method not in names.NEVER_MERGED:
        merged, off = merge_adapter(base_model(), folder)
        assert off < 1e-5
        torch.testing.assert_close(asked(merged, tokens), after, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", sorted(names.PROMPTS | names.REFT | {"adaption_prompt"}))
def test_packed_documents_are_changed_as_each_is_alone(method: str) -> None:
    model = tuned_model(settings_of(method), base_model()).eval()
    together = likelihoods(model, rows(), at_once=8)
    apart = likelihoods(model, rows(packing=False), at_once=1)
    assert together.keys() == apart.keys() == set(range(8))
    for row, found in together.items():
        assert found == pytest.approx(apart[row], abs=1e-4)


def likelihoods(model: Any, packed: PackedSequences, *, at_once: int) -> dict[int, float]:
    """The log-likelihood of each row's answer."""
    found = {}
    for batch in micro_batches(packed, range(len(packed)), size=at_once, max_tokens=None):
        with torch.no_grad():
            of_documents, _ = document_log_likelihoods(model, batch)
        for (sequence, number), value in zip(batch.documents, of_documents.tolist(), strict=True):
            found[packed.documents[sequence][number]] = value
    return found


@pytest.mark.parametrize("method", sorted(set(TRAINED) - {"adalora"}))
def test_a_method_computes_in_bfloat16(method: str, tmp_path: Path) -> None:
    settings = settings_of(method, max_steps=2)
    model = tuned_model(settings, base_model().to(torch.bfloat16))
    run = replace(run_of(model, settings, tmp_path, rows()), dtype=torch.bfloat16)
    trained = train(run)
    assert all(np.isfinite(row["loss"]) for row in trained.history.rows)
    assert all(weights.dtype is torch.float32 for weights in trained.master_weights.values())


@pytest.mark.parametrize("method", sorted(names.NEVER_MERGED))
def test_answers_over_a_cache_are_those_without_one(method: str, tmp_path: Path) -> None:
    settings = settings_of(method)
    model = tuned_model(settings, base_model())
    trained = train(run_of(model, settings, tmp_path / "checkpoints", rows()))
    if method in names.REFT:
        save_reft(model, trained.master_weights, tmp_path)
        loaded = load_reft(base_model(), tmp_path).eval()
    else:
        save_adapter(model, trained.master_weights, tmp_path)
        loaded = load_adapter(base_model(), tmp_path).eval()
    told = LanguageModel(loaded, Tokens(), CPU)
    # Two prompts of one length; in the batch padding stands before the second.
    prompts = [list(range(1, 9)), [5, 3, 7]]
    batched = generate(told, prompts, max_new_tokens=6, batch_size=2)
    for prompt, answer in zip(prompts, batched, strict=True):
        assert answer == _one_by_one(loaded, prompt, len(answer), method)


def _one_by_one(model: Any, prompt: list[int], count: int, method: str) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        ids = torch.tensor([tokens])
        if method in names.REFT:
            model.reft.tell_prompts([0], [len(prompt)], CPU)
        with torch.no_grad():
            tokens.append(int(model(input_ids=ids, use_cache=False).logits[0, -1].argmax()))
    return tokens[len(prompt) :]


def test_virtual_tokens_stand_where_peft_puts_them() -> None:
    for method in sorted(names.PROMPTS):
        model = tuned_model(settings_of(method), base_model()).eval()
        tokens = torch.arange(1, 13).view(2, 6)
        mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
        with torch.no_grad():
            ours = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
            theirs = model.adapted(input_ids=tokens, attention_mask=mask).logits[:, -6:]
        real = mask.bool()
        torch.testing.assert_close(ours[real], theirs[real], atol=1e-5, rtol=1e-4)


def test_methods_are_those_of_the_catalogue() -> None:
    assert names.LORA_VARIANTS == catalogue.LORA_VARIANTS
    assert (names.REFT, names.PROMPTS) == (catalogue.REFT, catalogue.PROMPTS)
    assert names.NEVER_MERGED == catalogue.NEVER_MERGED
    assert set(catalogue.REFUSED) == names.REFUSED
    known = set(get_args(Method))
    assert set(TRAINED) | names.REFUSED | {"full"} == known
    assert set(catalogue.peft_methods()) <= known


def test_the_catalogue_is_what_the_installed_peft_has() -> None:
    spec = importlib.util.spec_from_file_location("peft_methods", TOOL)
    assert spec is not None
    assert spec.loader is not None
    peft_methods = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peft_methods)
    written = json.loads(peft_methods.CATALOGUE.read_text(encoding="utf-8"))
    assert peft_methods.catalogue(written["date"]) == written, "run tools/peft_methods.py"


@pytest.mark.parametrize(
    ("method", "fields", "said"),
    [
        (
            "lora",
            {"target_modules": ["q_prj", "gate_proj"]},
            "target_modules: 'q_prj' matches no module of the model. Did you mean 'q_proj'?",
        ),
        (
            "lora",
            {"target_modules": ".*attention"},
            "target_modules: '.*attention' matches no module of the model. Write all-linear, or of "
            "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj.",
        ),
        (
            "lora",
            {"lora_r": 17},
            "lora_r: 17 is above the rank that the smallest adapted layer can have (16). Write 16 "
            "or less, or other target_modules.",
        ),
        (
            "adalora",
            {"method_config": {"init_r": 33}},
            "method_config.init_r: 33 is above the rank that the smallest adapted layer can have",
        ),
        (
            "lora",
            {"method_config": {"layers_to_transform": [0, 2]}},
            "method_config.layers_to_transform: 2 is not among the model's 2 layers. Write numbers "
            "from 0 to 1.",
        ),
        (
            "prefix_tuning",
            {"method_config": {"num_virtual_tokens": 33}},
            "method_config.num_virtual_tokens: 33 before max_length 32 are above the 64 positions "
            "that the model was made for. Lower max_length to 31.",
        ),
        (
            "adaption_prompt",
            {"method_config": {"adapter_layers": 3}},
            "method_config.adapter_layers: 3 is above the model's 2 layers. Write 2 or less.",
        ),
        (
            "loreft",
            {"method_config": {"layers": [0, 2]}},
            "method_config.layers: 2 is not among the model's 2 layers. Write numbers from 0 to 1, "
            "or all.",
        ),
        (
            "loreft",
            {"method_config": {"rank": 33}},
            "method_config.rank: 33 is above the 32 numbers of a hidden state. Write 32 or less.",
        ),
    ],
)
def test_what_does_not_fit_the_model_is_told(
    method: str, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(JobFailure) as caught:
        tuned_model(settings_of(method, **fields), base_model())
    assert str(caught.value).startswith(said)


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    wider = make_model({**SHAPE, "hidden_size": 64}, Tokens(), 0)
    for method, said in (("lora", "the adapter does not fit"), ("loreft", "its interventions are")):
        settings, folder = settings_of(method), tmp_path / method
        model = tuned_model(settings, base_model())
        weights = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
        if method == "lora":
            save_adapter(model, weights, folder)
        else:
            save_reft(model, weights, folder)
        with pytest.raises(JobFailure, match=f"^model: {said}"):
            (load_adapter if method == "lora" else load_reft)(wider, folder)


def test_an_adapter_of_pickles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (tmp_path / "adapter_model.bin").write_bytes(b"x")
    with pytest.raises(JobFailure, match="pickles are not loaded, since they can run code"):
        load_adapter(base_model(), tmp_path)


def test_a_budget_with_no_step_to_spend_it_in_is_refused(tmp_path: Path) -> None:
    settings = settings_of("adalora", method_config={"tinit": 3, "tfinal": 1})
    model = tuned_model(settings, base_model())
    with pytest.raises(JobFailure, match="tinit 3 and tfinal 1 leave none of 4 optimizer steps"):
        train(run_of(model, settings, tmp_path, rows()))


def test_a_smoke_run_asks_for_no_more_than_a_tiny_model_has() -> None:
    fields = {"layers_to_transform": [5], "init_r": 64, "target_r": 32, "tinit": 200}
    small = in_smoke(settings_of("adalora", method_config=fields), Smoke(rows=4, steps=4))
    assert small.method_config == {"init_r": 8, "target_r": 8}
    blocks = in_smoke(settings_of("c3a", method_config={"block_size": 256}), Smoke(4, 4))
    assert blocks.method_config == {"block_size": 8}

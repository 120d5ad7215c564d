from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from training_scripts.training.attention import PACKED, lay_out, register  # noqa: E402
from training_scripts.training.batches import MicroBatch  # noqa: E402
from training_scripts.training.forward import batch_loss, document_log_likelihoods  # noqa: E402
from training_scripts.training.fused import fuse  # noqa: E402
from training_scripts.training.model import choose_attention, make_model  # noqa: E402

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402  isort: skip

pytestmark = pytest.mark.train
LENGTHS = (40, 33, 7, 7, 5, 1)


def tiny(model_type: str, **extra: Any) -> Any:
    config = AutoConfig.for_model(
        model_type,
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=1024,
        **extra,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def as_packed(model: Any) -> Any:
    register()
    model.set_attn_implementation(PACKED)
    return model


def row(lengths: tuple[int, ...]) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 50, (1, sum(lengths)), generator=generator)
    return ids, torch.cat([torch.arange(length) for length in lengths]).unsqueeze(0)


def batch_of(lengths: tuple[int, ...]) -> MicroBatch:
    ids, positions = row(lengths)
    learned = torch.tensor([i for i in range(ids.shape[1] - 1) if positions[0, i + 1] > 0])
    return MicroBatch(ids, positions, learned, ids[0, learned + 1], lengths)


def alone(model: Any, lengths: tuple[int, ...]) -> Any:
    """The logits of each document by itself, with transformers' own attention."""
    ids, _ = row(lengths)
    with torch.no_grad():
        return torch.cat([model(part).logits for part in ids.split(lengths, dim=1)], dim=1)


def packed(model: Any, lengths: tuple[int, ...]) -> Any:
    ids, positions = row(lengths)
    layout = lay_out(lengths, torch.device("cpu"))
    with torch.no_grad():
        return model(ids, position_ids=positions, layout=layout, use_cache=False).logits


@pytest.mark.parametrize("lengths", [LENGTHS, (600, 300, 300, 9), (12, 12, 12), (5,)])
@pytest.mark.parametrize("fused", [True, False])
def test_a_packed_document_has_the_logits_it_has_alone(
    lengths: tuple[int, ...], *, fused: bool
) -> None:
    model = tiny("llama")
    expected = alone(model, lengths)
    as_packed(model)
    if fused:
        fuse(model)
    torch.testing.assert_close(packed(model, lengths), expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("model_type", "extra"),
    [("qwen3", {}), ("qwen2", {}), ("mistral", {"sliding_window": 6})],
)
def test_the_fused_layers_compute_what_transformers_computes(
    model_type: str, extra: dict[str, Any]
) -> None:
    model = tiny(model_type, **extra)
    expected = alone(model, LENGTHS)
    fuse(as_packed(model))
    torch.testing.assert_close(packed(model, LENGTHS), expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("model_type", ["llama", "qwen3"])
def test_loss_and_gradients_are_those_of_cross_entropy_over_documents_alone(
    model_type: str,
) -> None:
    model, batch = tiny(model_type), batch_of(LENGTHS)
    ids, _ = row(LENGTHS)
    expected = sum(
        torch.nn.functional.cross_entropy(model(part).logits[0, :-1], part[0, 1:], reduction="sum")
        for part in ids.split(LENGTHS, dim=1)
        if part.shape[1] > 1
    )
    expected.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    fuse(as_packed(model))
    loss = batch_loss(model, batch, scale=1.0)
    loss.backward()
    torch.testing.assert_close(loss, expected.detach(), atol=1e-3, rtol=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("model_type", ["llama", "gpt_neox"])
def test_log_likelihoods_and_their_gradients_are_those_of_documents_alone(model_type: str) -> None:
    lengths = (40, 33, 7)
    model, batch = tiny(model_type), batch_of(lengths)
    ids, _ = row(lengths)
    weights = torch.tensor([1.0, -2.0, 0.5])
    expected = torch.stack(
        [
            -torch.nn.functional.cross_entropy(
                model(part).logits[0, :-1], part[0, 1:], reduction="sum"
            )
            for part in ids.split(lengths, dim=1)
        ]
    )
    (expected * weights).sum().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    if model_type == "llama":
        fuse(as_packed(model))
    found, labels = document_log_likelihoods(model, batch)
    (found * weights).sum().backward()
    assert labels.tolist() == [39, 32, 6]
    torch.testing.assert_close(found, expected.detach(), atol=1e-3, rtol=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=2e-3, rtol=1e-3)


def test_a_token_sees_nothing_of_the_document_before_it() -> None:
    model = fuse_all(tiny("llama"))
    ids, positions = row(LENGTHS)
    layout = lay_out(LENGTHS, torch.device("cpu"))
    changed = ids.clone()
    changed[0, :40] = (changed[0, :40] + 1) % 50
    with torch.no_grad():
        before, after = (
            model(x, position_ids=positions, layout=layout, use_cache=False).logits[0, 40:]
            for x in (ids, changed)
        )
    assert torch.equal(before, after)


def test_documents_beyond_the_tiled_length_use_torch_s_kernel() -> None:
    model = tiny("llama")
    model.config.max_position_embeddings = 4096
    expected = alone(model, (2100, 3))
    fuse(as_packed(model))
    torch.testing.assert_close(packed(model, (2100, 3)), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("model_type", "device", "dtype", "varlen", "flash", "chosen"),
    [
        ("llama", "cpu", torch.float32, False, False, PACKED),
        ("llama", "cuda", torch.bfloat16, True, True, PACKED),
        ("llama", "cuda", torch.bfloat16, False, True, "flash_attention_2"),
        ("llama", "cuda", torch.bfloat16, False, False, "sdpa"),
        ("llama", "cuda", torch.float32, True, True, "sdpa"),
        ("gemma3", "cuda", torch.bfloat16, True, True, "sdpa"),
    ],
)
def test_the_attention_of_auto_is_one_that_can_run_there(
    model_type: str, device: str, dtype: Any, *, varlen: bool, flash: bool, chosen: str
) -> None:
    found = choose_attention(model_type, device, dtype, has_varlen=varlen, has_flash=flash)
    assert found == chosen


def test_the_same_seed_makes_the_same_model() -> None:
    class Tokens:
        bos_token_id, eos_token_id, pad_token_id = None, 0, 0

        def __len__(self) -> int:
            return 50

    shape = {
        "model_type": "llama",
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
    }
    first, second, other = (make_model(shape, Tokens(), seed) for seed in (1, 1, 2))
    weights = [next(iter(m.parameters())) for m in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def fuse_all(model: Any) -> Any:
    fuse(as_packed(model))
    return model

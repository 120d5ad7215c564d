from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from training_scripts.container import JobFailure
from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow
from training_scripts.evaluation.exam import ExamSettings, Paper, batch_count, sit_exam
from training_scripts.evaluation.generation import complete_batch, generate
from training_scripts.evaluation.language_model import LanguageModel, batches_of_like_length
from training_scripts.evaluation.likelihood import answer_log_likelihoods, completion_losses
from training_scripts.evaluation.questions import as_questions
from training_scripts.evaluation.sampling import Decoding

pytestmark = pytest.mark.train

PROMPTS = [[7, 8, 9], [10], [11, 12, 13, 14, 15, 16, 17], [20, 21], [7, 8, 9, 30]]
SETTINGS = ExamSettings(max_length=64, max_new_tokens=6, batch_size=2)


@pytest.fixture(scope="module", params=["llama", "qwen3", "mistral"])
def model(request: pytest.FixtureRequest) -> Any:
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

    torch.manual_seed(1)
    sizes = {
        "vocab_size": 400,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "tie_word_embeddings": True,
        # Wide, so that a random model's next token is no toss-up between rounding errors.
        "initializer_range": 0.5,
        "eos_token_id": 0,
        "bos_token_id": None,
        "pad_token_id": None,
    }
    if request.param == "mistral":
        sizes["sliding_window"] = 5
    config = AutoConfig.for_model(request.param, **sizes)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture
def asked(model: Any, tokenizer: Any) -> LanguageModel:
    import torch  # noqa: PLC0415

    return LanguageModel(model, tokenizer, torch.device("cpu"))


def log_probabilities(model: Any, ids: list[int]) -> Any:
    """(position, vocabulary), of one row without padding or cache."""
    import torch  # noqa: PLC0415

    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1).numpy()


def test_generation_is_what_the_library_generates_greedily(asked: LanguageModel) -> None:
    import torch  # noqa: PLC0415

    found = generate(asked, PROMPTS, max_new_tokens=12, batch_size=3)

    for prompt, completion in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([prompt])
        with torch.no_grad():
            whole = asked.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
            )
        expected = [int(token) for token in whole[0, len(prompt) :] if token != 0]
        assert completion == expected


def test_generation_stops_at_the_end_of_text(asked: LanguageModel) -> None:
    free = generate(asked, PROMPTS[:1], max_new_tokens=4, batch_size=1)[0]
    asked.model.generation_config.eos_token_id = [0, free[2]]
    try:
        stopped = generate(asked, PROMPTS[:1], max_new_tokens=4, batch_size=1)[0]
    finally:
        asked.model.generation_config.eos_token_id = 0

    assert stopped == free[: free.index(free[2])]


def test_a_repetition_penalty_counts_the_prompt_and_no_padding(asked: LanguageModel) -> None:
    import torch  # noqa: PLC0415

    decoding = Decoding(12, repetition_penalty=1.4)
    found = complete_batch(asked, PROMPTS, range(len(PROMPTS)), decoding)

    for prompt, (completion,) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([prompt])
        with torch.no_grad():
            whole = asked.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=12,
                do_sample=False,
                repetition_penalty=1.4,
            )
        expected = [int(token) for token in whole[0, len(prompt) :] if token != 0]
        assert list(completion.tokens) == expected


def test_what_is_drawn_does_not_depend_on_the_rows_beside_it(asked: LanguageModel) -> None:
    decoding = Decoding(10, temperature=1.5, top_p=0.95, num_return_sequences=3, seed=7)
    together = complete_batch(asked, PROMPTS, [4, 1, 9, 2, 5], decoding)
    alone = [
        complete_batch(asked, [prompt], [row], decoding)[0]
        for prompt, row in zip(PROMPTS, [4, 1, 9, 2, 5], strict=True)
    ]

    assert together == alone
    assert len({completion.tokens for completion in together[0]}) == 3
    other_seed = complete_batch(asked, PROMPTS[:1], [4], Decoding(10, temperature=1.5, seed=8))
    assert other_seed[0][0].tokens != together[0][0].tokens


def test_sequences_that_end_early_leave_the_others_as_they_were(asked: LanguageModel) -> None:
    decoding = Decoding(12, temperature=1.5)
    free = complete_batch(asked, PROMPTS, range(5), decoding)
    asked.model.generation_config.eos_token_id = [0, free[0][0].tokens[1], free[3][0].tokens[4]]
    try:
        cut = complete_batch(asked, PROMPTS, range(5), decoding)
        ends = set(asked.end_ids)
    finally:
        asked.model.generation_config.eos_token_id = 0

    assert len({len(completion.tokens) for (completion,) in cut}) >= 3
    for (before,), (after,) in zip(free, cut, strict=True):
        at = next((n for n, token in enumerate(before.tokens) if token in ends), None)
        assert after.tokens == before.tokens[:at]
        assert after.finish_reason == (before.finish_reason if at is None else "stop")


def test_a_completion_ends_before_its_stop_string(asked: LanguageModel) -> None:
    (free,) = complete_batch(asked, PROMPTS[:1], [0], Decoding(12))[0]
    stop = free.text[3:5]
    (stopped,) = complete_batch(asked, PROMPTS[:1], [0], Decoding(12, stop_strings=("@@", stop)))[0]

    assert stopped.text == free.text[: free.text.find(stop)]
    assert stopped.finish_reason == "stop"
    assert len(stopped.tokens) < len(free.tokens)


def test_a_prompt_near_max_length_gets_the_tokens_that_are_left(asked: LanguageModel) -> None:
    found = complete_batch(asked, PROMPTS, range(5), Decoding(12, max_length=9))

    lengths = [len(completion.tokens) for (completion,) in found]
    assert lengths == [min(12, 9 - len(prompt)) for prompt in PROMPTS]
    assert {completion.finish_reason for (completion,) in found} == {"length"}


def test_an_answer_is_as_likely_in_a_batch_as_alone(asked: LanguageModel) -> None:
    answers = [[5, 0], [6, 7, 8, 0], [9]]

    found = answer_log_likelihoods(asked, PROMPTS, answers, batch_size=2)

    for prompt, scores in zip(PROMPTS, found, strict=True):
        for answer, score in zip(answers, scores, strict=True):
            alone = log_probabilities(asked.model, prompt + answer)
            expected = sum(alone[len(prompt) - 1 + i, token] for i, token in enumerate(answer))
            assert score == pytest.approx(float(expected), abs=1e-3)


def test_a_loss_counts_labelled_tokens_only(asked: LanguageModel) -> None:
    rows = [(ids, [-100] * (len(ids) - 1) + ids[-1:]) for ids in ([3, 4, 5], [6, 7, 8, 9, 10])]
    rows.append(([3, 4, 5, 6], [-100, 4, -100, 6]))

    found = completion_losses(asked, rows, batch_size=2)

    for (ids, labels), loss in zip(rows, found, strict=True):
        alone = log_probabilities(asked.model, ids)
        wanted = [(at, label) for at, label in enumerate(labels) if label != -100]
        assert loss.tokens == len(wanted)
        expected = -sum(float(alone[at - 1, label]) for at, label in wanted)
        assert loss.nats == pytest.approx(expected, abs=1e-3)


def test_the_exam_chooses_the_answer_of_the_smallest_loss(asked: LanguageModel) -> None:
    rows = [PromptRow(str(n), f"Is number {n} a list?", "yes", "t") for n in range(5)]
    questions = as_questions(rows, task_column="task")

    answers = sit_exam(asked, Paper(questions, {"t": ("maybe so", "no", "yes")}, SETTINGS))

    for row, chosen in enumerate(answers.chosen):
        nats = {}
        for answer in ("maybe so", "no", "yes"):
            own = [PromptRow("x", rows[row].prompt, answer, "t")]
            exam = as_questions(own, task_column="task")
            nats[answer] = sit_exam(asked, Paper(exam, {}, SETTINGS)).losses[0].nats
        assert chosen == min(nats, key=lambda answer: nats[answer])


def test_the_exam_tells_how_often_it_reports(asked: LanguageModel) -> None:
    rows = [PromptRow(str(n), "What?", "yes", "t") for n in range(5)]
    rows += [PromptRow(f"o{n}", "Why?", "so", "open") for n in range(2)]
    questions = as_questions(rows, task_column="task")
    paper = Paper(questions, {"t": ("no", "yes")}, SETTINGS)
    calls: list[int] = []

    sit_exam(asked, paper, calls.append)

    assert len(calls) == batch_count(paper)


def test_a_conversation_is_asked_up_to_its_last_reply(asked: LanguageModel) -> None:
    turns = (Message("user", "list"), Message("assistant", "it"))
    questions = as_questions([MessagesRow("1", turns, "t")], task_column="task")

    answers = sit_exam(asked, Paper(questions, {"t": ("it", "the")}, SETTINGS))

    assert answers.chosen[0] in {"it", "the"}
    assert answers.written[0] is not None


def test_plain_text_has_a_loss_and_nothing_written(asked: LanguageModel) -> None:
    questions = as_questions([TextRow("1", "Deletes the stack policy.")], task_column="task")

    answers = sit_exam(asked, Paper(questions, {}, SETTINGS))

    assert answers.losses[0].tokens > 3
    assert answers.written == (None,)


def test_an_empty_prompt_is_refused_by_name(asked: LanguageModel) -> None:
    questions = as_questions([PromptRow("row-9", "", "yes")], task_column="task")

    with pytest.raises(JobFailure, match="row 'row-9' has an empty prompt"):
        sit_exam(asked, Paper(questions, {}, SETTINGS))


def test_every_row_is_in_one_batch_and_batches_hold_rows_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 90, size=50).tolist()

    batches = list(batches_of_like_length(lengths, 8))

    assert sorted(row for batch in batches for row in batch) == list(range(50))
    ranges = [(min(lengths[r] for r in b), max(lengths[r] for r in b)) for b in batches]
    assert all(later[1] <= earlier[0] for earlier, later in pairwise(ranges))

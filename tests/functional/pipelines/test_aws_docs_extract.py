from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest
from families import family_keys, share
from plain_text import first_sentence, from_html, summary
from questions import QUESTIONS, SHARES, sample, vocabularies
from reference_page import reference_page
from service_models import Operation, models_folder, read_operations

from training_scripts.container import Job, JobFailure

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("sqs", "s3", "glue", "waf-regional", "lambda", "ec2")
BOTO3_TYPES = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "list": "list",
    "map": "dict",
    "structure": "dict",
    "timestamp": "datetime",
    "blob": "bytes",
}


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[Operation]:
    folder = tmp_path_factory.mktemp("data")
    for service in SERVICES:
        (folder / service).symlink_to(models_folder() / service)
    return list(read_operations(folder))


@lru_cache
def botocores_own(service_id: str) -> Any:
    """What botocore itself makes of the service: the oracle."""
    from botocore.loaders import Loader  # noqa: PLC0415
    from botocore.model import ServiceModel  # noqa: PLC0415

    return ServiceModel(Loader().load_service_model(service_id, "service-2"))


def named(prompt: str) -> list[str]:
    return re.findall(r"`([^`]+)`", prompt)


def test_every_operation_of_the_newest_version_is_read(operations: list[Operation]) -> None:
    found = defaultdict(list)
    for operation in operations:
        found[operation.service_id].append(operation.name)

    for service in SERVICES:
        assert found[service] == sorted(botocores_own(service).operation_names)


@pytest.mark.parametrize("task", QUESTIONS)
def test_every_answer_is_what_botocore_says(operations: list[Operation], task: str) -> None:
    services = vocabularies(operations)
    asked = 0
    for operation in operations:
        own = botocores_own(operation.service_id).operation_model(operation.name)
        for prompt, answer in QUESTIONS[task](operation, services[operation.service_id]):
            asked += 1
            assert answer == true_answer(task, prompt, own), prompt

    assert asked > 100


def true_answer(task: str, prompt: str, own: Any) -> str:
    """The answer, from botocore's object model instead of its JSON."""
    name = named(prompt)[min(1, len(named(prompt)) - 1)]
    sent = own.input_shape.members if own.input_shape else {}
    returned = own.output_shape.members if own.output_shape else {}
    match task:
        case "type":
            return BOTO3_TYPES[(sent.get(name) or returned[name]).type_name]
        case "direction":
            assert (name in sent) != (name in returned)
            return "sent" if name in sent else "returned"
        case "required":
            return "yes" if name in own.input_shape.required_members else "no"
        case "error":
            return "yes" if name in {shape.name for shape in own.error_shapes} else "no"
        case "choice":
            first, second = (other in sent for other in named(prompt)[1:])
            assert first != second
            return "first" if first else "second"
    return summary(from_html(own.documentation))


@pytest.mark.parametrize("task", QUESTIONS)
def test_a_question_begins_with_the_operation_it_asks_about(
    operations: list[Operation], task: str
) -> None:
    services = vocabularies(operations)
    for operation in operations:
        for prompt, _ in QUESTIONS[task](operation, services[operation.service_id]):
            assert prompt.startswith(f"`{operation.service_id}.{operation.name}`: ")


def test_the_right_member_of_a_choice_is_as_often_the_first(operations: list[Operation]) -> None:
    services = vocabularies(operations)
    answers = [
        answer
        for operation in operations
        for _, answer in QUESTIONS["choice"](operation, services[operation.service_id])
    ]
    assert 0.4 < answers.count("first") / len(answers) < 0.6


def test_a_sample_asks_for_different_answers_first() -> None:
    made = [(f"ask {number}", "yes" if number == 7 else "no") for number in range(20)]

    for count in (2, 3):
        assert sorted({answer for _, answer in sample(made, count)}) == ["no", "yes"]
    assert sample(made[::-1], 3) == sample(made, 3), "the order does not matter"


def test_near_copies_are_one_family_and_others_are_not(operations: list[Operation]) -> None:
    keys = dict(
        zip([(o.service_id, o.name) for o in operations], family_keys(operations), strict=True)
    )

    assert keys["glue", "TagResource"] == keys["lambda", "TagResource"], "one name, two services"
    assert keys["s3", "PutObject"] != keys["s3", "GetObject"]
    assert len(set(keys.values())) > 0.8 * len(keys)


def test_families_do_not_depend_on_the_order_of_operations(operations: list[Operation]) -> None:
    forward = family_keys(operations)

    assert family_keys(operations[::-1])[::-1] == forward


def test_operations_that_open_with_the_same_words_are_one_family() -> None:
    def operation(name: str, text: str) -> Operation:
        return Operation("s", "S", name, text, "", "", (), (), ())

    long = "Word " * 100
    a, b, c = family_keys(
        [operation("A", long + "a"), operation("B", long.lower() + "b"), operation("C", "Other.")]
    )

    assert a == b
    assert a != c


def test_a_share_is_spread_evenly() -> None:
    shares = [share(str(number)) for number in range(2000)]

    assert 0.37 < sum(value < 0.4 for value in shares) / 2000 < 0.43


def test_a_page_says_what_is_sent_returned_and_raised(operations: list[Operation]) -> None:
    page = reference_page(next(o for o in operations if o.name == "GetQueueUrl"))

    assert page.startswith("Amazon Simple Queue Service: `sqs.GetQueueUrl`\n")
    assert "Sent to `GetQueueUrl`:\n`QueueName` (str, required)\n" in page
    assert "Returned by `GetQueueUrl`:\n`QueueUrl` (str) The URL of the queue." in page
    assert "`GetQueueUrl` can raise `InvalidAddress`" in page


def test_no_page_holds_tags_or_entities(operations: list[Operation]) -> None:
    for operation in operations:
        page = reference_page(operation)
        assert not re.search(r"</?(p|li|ul|code|a|i|b)\b|&(amp|lt|gt|quot|nbsp);", page), page


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One <code>two</code>.</p><p>Three&nbsp;&amp; four</p>", "One two.\nThree & four"),
        ("<ul><li><p>a</p></li> <li>b</li></ul>", "a\nb"),
        ("<fullname>Name</fullname><p>Text<br/>more</p>", "Text\nmore"),
        ("a < b and c > d", "a < b and c > d"),
        ("", ""),
    ],
)
def test_html_becomes_lines_of_plain_text(html: str, text: str) -> None:
    assert from_html(html) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Lists the tags. Then more.", "Lists the tags."),
        ("Uses e.g. Amazon S3 for it. More.", "Uses e.g. Amazon S3 for it."),
        ("First line\nsecond line", "First line"),
        ("No end", "No end"),
        ("x" * 300, ""),
    ],
)
def test_the_first_sentence_ends_where_a_reader_would_end_it(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_a_summary_says_what_is_done_and_not_where_it_is_available() -> None:
    text = "This operation is not supported for directory buckets. Deletes the bucket. Be careful."

    assert summary(text) == "Deletes the bucket."
    assert summary("Deprecated.\nThis API is in preview release.") == ""


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from extract import extract  # noqa: PLC0415 - read as its job reads it

    root = tmp_path_factory.mktemp("ml")
    extract(
        Job("processing", "extract", {}, root, "Processing"),
        ["--held-back-service=sqs", "--max-texts=300", "--max-questions=630"],
    )
    return root / "processing" / "output"


def rows(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("utf-8").splitlines()]


def test_extraction_makes_a_share_of_the_questions_for_each_task(extracted: Path) -> None:
    counts: dict[str, int] = defaultdict(int)
    for row in rows(extracted / "questions"):
        counts[row["task"]] += 1

    assert counts == {task: 630 * share // 21 for task, share in SHARES.items()}


def test_what_is_asked_about_is_not_read(extracted: Path) -> None:
    read = {named(row["text"])[0] for row in rows(extracted / "texts") + rows(extracted / "domain")}
    asked = {named(row["prompt"])[0] for row in rows(extracted / "questions")}

    assert len(read) > 200
    assert read & asked == set()


def test_the_held_back_service_is_read_on_its_own(extracted: Path) -> None:
    own = "Amazon Simple Queue Service: "

    assert all(row["text"].startswith(own) for row in rows(extracted / "domain"))
    assert not any(row["text"].startswith(own) for row in rows(extracted / "texts"))
    metrics = json.loads((extracted / "metrics" / "metrics.json").read_text("utf-8"))
    assert metrics["texts"] == 300


def test_a_service_that_botocore_does_not_know_is_refused(tmp_path: Path) -> None:
    from extract import extract  # noqa: PLC0415

    with pytest.raises(JobFailure, match="botocore has no service 'sqss'"):
        extract(Job("processing", "e", {}, tmp_path, "Processing"), ["--held-back-service=sqss"])

import gzip
import json
import subprocess
import sys

import pytest

from orchestrator.aws.shapes import BotocoreShapes, load_shapes
from orchestrator.definition.step_types import STEP_TYPES

MODEL = {
    "operations": {"CreateThing": {"input": {"shape": "CreateThingRequest"}}, "Ping": {}},
    "shapes": {
        "CreateThingRequest": {
            "type": "structure",
            "required": ["Name"],
            "members": {"Name": {"shape": "Name"}, "Tags": {"shape": "Tags"}},
        },
        "Name": {"type": "string", "min": 1, "max": 8, "pattern": "[a-z]+", "enum": ["a"]},
        "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Free"}},
        "Free": {"type": "structure", "members": {}, "document": True},
    },
}


@pytest.fixture(params=["plain", "packed"])
def shapes(request, tmp_path):
    for version, model in (("2019-01-01", {"operations": {}}), ("2020-01-01", MODEL)):
        folder = tmp_path / "things" / version
        folder.mkdir(parents=True)
        data = json.dumps(model).encode()
        if request.param == "packed":
            (folder / "service-2.json.gz").write_bytes(gzip.compress(data))
        else:
            (folder / "service-2.json").write_bytes(data)
    return BotocoreShapes(tmp_path)


def test_the_newest_model_of_a_service_is_read(shapes):
    shape = shapes.input_of("things", "CreateThing")
    assert shape.members == {"Name": "Name", "Tags": "Tags"}
    assert shape.required == ("Name",)


def test_limits_and_kinds_of_shapes_are_kept(shapes):
    name = shapes.shape("things", "Name")
    assert (name.minimum, name.maximum, name.pattern, name.enum) == (1, 8, "[a-z]+", ("a",))
    tags = shapes.shape("things", "Tags")
    assert (tags.type, tags.key, tags.value) == ("map", "Name", "Free")
    assert shapes.shape("things", "Free").type == "any"


@pytest.mark.parametrize(
    ("service", "operation"), [("things", "Ping"), ("things", "Gone"), ("gone", "CreateThing")]
)
def test_what_no_model_knows_is_none(shapes, service, operation):
    assert shapes.input_of(service, operation) is None
    assert shapes.output_of(service, operation) is None


@pytest.mark.parametrize("name", STEP_TYPES)
def test_botocore_knows_the_request_and_the_results_of_every_step_type(name):
    known, shapes = STEP_TYPES[name], load_shapes()
    if known.operation is not None:
        shape = shapes.input_of(known.service, known.operation)
        assert shape is not None
        assert known.filled_in <= set(shape.required)
    for result in known.results or ():
        assert shapes.shape(known.service, result) is not None
    for part in known.parts.values():
        shape = shapes.shape(known.service, part.shape)
        assert part.filled_in <= set(shape.required)


def test_no_step_type_of_the_service_is_unknown():
    metadata = load_shapes().shape("sagemaker", "PipelineExecutionStepMetadata")
    names = {name.removesuffix("Job") if name != "Job" else name for name in metadata.members}
    assert names == set(STEP_TYPES)


def test_reading_shapes_does_not_import_botocore():
    code = (
        "import sys; from orchestrator.aws.shapes import load_shapes;"
        "load_shapes().input_of('sagemaker', 'CreateTrainingJob');"
        "sys.exit('botocore' in sys.modules or 'boto3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

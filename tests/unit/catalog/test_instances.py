import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.catalog.instances import (
    LOCAL_STORAGE_FAMILIES,
    family,
    has_gpu,
    instance_types,
)


@pytest.mark.parametrize(
    ("use", "enum"),
    [
        ("training", "TrainingInstanceType"),
        ("processing", "ProcessingInstanceType"),
        ("transform", "TransformInstanceType"),
        ("hosting", "ProductionVariantInstanceType"),
    ],
)
def test_instance_types_are_those_of_botocore(use, enum):
    installed = set(load_shapes().shape("sagemaker", enum).enum)
    # A newer botocore may know more; what is shipped must not name what it does not know.
    assert set(instance_types(use)) <= installed
    assert len(installed - set(instance_types(use))) < 40


def test_training_has_gpus_that_processing_lacks():
    assert "ml.p4d.24xlarge" in instance_types("training")
    assert "ml.p4d.24xlarge" not in instance_types("processing")


@pytest.mark.parametrize(
    ("instance_type", "gpu"),
    [("ml.g5.2xlarge", True), ("ml.p4d.24xlarge", True), ("ml.m5.large", False), ("local", False)],
)
def test_families_g_and_p_have_gpus(instance_type, gpu):
    assert has_gpu(instance_type) is gpu


def test_families_with_local_storage_are_families():
    known = {family(name) for name in instance_types("training")}
    assert known >= LOCAL_STORAGE_FAMILIES

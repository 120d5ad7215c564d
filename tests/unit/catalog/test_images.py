import pytest

from orchestrator.catalog.images import image_uri


@pytest.mark.parametrize(
    ("region", "uri"),
    [
        (
            "eu-west-1",
            "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313",
        ),
        (
            "cn-north-1",
            "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-training:2.10.0-cpu-py313",
        ),
    ],
)
def test_an_image_has_an_address_in_each_region(region, uri):
    assert image_uri("pytorch-training-cpu", region) == uri


def test_a_region_without_the_image_names_those_that_have_it():
    with pytest.raises(LookupError, match="no image huggingface-training-gpu in region 'mars-1'"):
        image_uri("huggingface-training-gpu", "mars-1")

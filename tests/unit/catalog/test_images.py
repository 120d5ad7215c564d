from typing import get_args

import pytest

from orchestrator.catalog.images import ImageName, image_uri, is_catalogue_image, regions


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


@pytest.mark.parametrize("name", get_args(ImageName))
def test_every_address_is_recognised_again(name):
    assert all(is_catalogue_image(image_uri(name, region)) for region in regions(name))


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "python:3.12",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313",
        "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:1.0-cpu",
    ],
)
def test_other_images_are_not_the_catalogues(uri):
    assert not is_catalogue_image(uri)

import json
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.catalog.images import ImageName, image_uri, regions

RECORDED = json.loads(Path(__file__).with_name("images.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", get_args(ImageName))
def test_the_catalogue_answers_what_the_sdk_answers_in_every_region(name):
    assert {region: image_uri(name, region) for region in regions(name)} == RECORDED["images"][name]


def test_every_image_of_the_catalogue_is_recorded():
    assert set(RECORDED["images"]) == set(get_args(ImageName))

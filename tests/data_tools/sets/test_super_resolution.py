"""Super-resolution sets in the layouts that people have."""

import pytest

from data_tools.errors import KitError
from data_tools.sets.super_resolution import find_set, read_images
from tests.data_tools.small_set import encoded, write_folder, write_zip


def images(*names: str) -> dict[str, bytes]:
    return {name: encoded(i, (24, 20), "PNG") for i, name in enumerate(names)}


LAYOUTS = {  # of Set5: files, and those that are read
    "plain": (("Set5/baby.png", "Set5/bird.png"), {"baby.png", "bird.png"}),
    "EDSR": (("benchmark/Set5/HR/baby.png", "benchmark/Set5/LR_bicubic/X4/babyx4.png"), {"HR/baby.png"}),
    "BasicSR": (("Set5/GTmod12/baby.png", "Set5/LRbicx4/baby.png", "Set5/original/bird.png"),
                {"GTmod12/baby.png", "original/bird.png"}),
    "SelfExSR": (("Set5/image_SRF_2/img_001_SRF_2_HR.png", "Set5/image_SRF_2/img_001_SRF_2_LR.png",
                  "Set5/image_SRF_2/img_001_SRF_2_A+.png", "Set5/image_SRF_4/img_001_SRF_4_HR.png",
                  "Set5/image_SRF_4/img_001_SRF_4_bicubic.png"), {"image_SRF_2/img_001_SRF_2_HR.png"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_set_is_found_in_every_layout(tmp_path, layout, packed):
    files, wanted = LAYOUTS[layout]
    other = images(*files, "Set14/baboon.png", "readme.txt.png/deep/x.txt") | {"Set5/notes.txt": b"no image"}
    place = write_zip(tmp_path / "all.zip", other) if packed else write_folder(tmp_path / "data", other)
    found = find_set("Set5", tmp_path / "absent", place)
    assert {name.split("Set5/")[-1] for name in found.names} == wanted and found.name == "Set5"
    assert found.decode(0).shape == (20, 24, 3)


def test_a_zip_or_folder_of_that_name_and_a_folder_above(tmp_path):
    write_zip(tmp_path / "data" / "DIV2K_train_HR.zip", images("DIV2K_train_HR/0001.png", "DIV2K_train_HR/0002.png"))
    write_folder(tmp_path / "data" / "Flickr2K",
                 images("Flickr2K_HR/000001.png", "Flickr2K_LR_bicubic/X2/000001x2.png"))
    for place in (tmp_path / "data", tmp_path / "data" / "DIV2K_train_HR.zip"):
        assert len(find_set("DIV2K_train", place)) == 2
    for place in (tmp_path / "data", tmp_path / "data" / "Flickr2K", tmp_path / "data" / "Flickr2K" / "Flickr2K_HR"):
        assert [name.split("/")[-1] for name in find_set("Flickr2K", place).names] == ["000001.png"]


def test_any_folder_of_images_is_read_as_it_is(tmp_path):
    names = ("holiday/kim.jpg", "holiday/sr.png", "photo-10x8.png", "x2.png", "low_LR.png")
    found = read_images(write_folder(tmp_path / "mine", images(*names)))
    assert found.names == ("holiday/kim.jpg", "holiday/sr.png", "photo-10x8.png", "x2.png") and found.name == "mine"


def test_what_is_missing_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(KitError, match="unknown set 'Set6'; known are Set5, Set14"):
        find_set("Set6", tmp_path)
    with pytest.raises(KitError, match="Urban100 was not found in .*empty: a folder or zip archive named Urban100"):
        find_set("Urban100", tmp_path / "empty")
    with pytest.raises(KitError, match="empty holds no images of empty"):
        read_images(tmp_path / "empty")

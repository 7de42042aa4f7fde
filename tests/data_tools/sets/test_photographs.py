"""The photographs that installed packages bring."""

import subprocess
import sys

import pytest

from data_tools.errors import KitError
from data_tools.sets import photographs


def test_they_are_real_and_no_image_is_in_two_parts():
    parts = photographs.find_photographs()
    assert {part: sum(map(len, sets)) for part, sets in parts.items()} == {"training": 11, "validation": 1, "test": 4}
    files = [(images.source.path, name) for sets in parts.values() for images in sets for name in images.names]
    assert len(set(files)) == len(files)
    for images in (*parts["training"], *parts["test"]):
        image = images.decode(0)
        assert min(image.shape[:2]) >= 256 and image.std() > 10


def test_finding_them_imports_none_of_the_packages():
    code = ("import sys; from data_tools.sets.photographs import find_photographs as f; f(); "
            "print([name for name in ('skimage', 'sklearn', 'imgaug') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True).stdout.strip() == "[]"


def test_a_package_without_a_file_is_named(monkeypatch):
    monkeypatch.setattr(photographs, "FILES", {"training": {"skimage": ("data/absent.png",)}})
    with pytest.raises(KitError, match="skimage does not bring data/absent.png"):
        photographs.find_photographs()
    monkeypatch.setattr(photographs, "FILES", {"training": {"no_such_package": ("a.png",)}})
    with pytest.raises(KitError, match="no_such_package"):
        photographs.find_photographs()

"""Ranges of settings: stated beside the field, checked for the command line, files and nested settings alike."""

import math
from dataclasses import dataclass, field

import pytest

from data_tools.errors import KitError
from paddle_models.trainer.ranges import Range, bounded, check_ranges, ranges
from paddle_models.trainer.settings import TrainerSettings, from_dict, parse_command_line


@dataclass
class Inner:
    """Inner"""

    share: float = bounded(0.5, 0, 1, open="both")
    """share"""


@dataclass
class Settings(TrainerSettings):
    """Test"""

    image_size: int = bounded(224, 8, 512)
    """side in pixels"""
    filters: list[int] = bounded([32, 64], 1, 1024, longest=3)
    """filters of each block"""
    drop: float | None = bounded(None, 0, 1, open="high")
    """share that is dropped"""
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize("values, message", [
    ({"image_size": 7}, "setting image_size: 7 is outside [8, 512]"),
    ({"image_size": 10**30}, "is outside [8, 512]"),
    ({"filters": [4, 0]}, "setting filters: [4, 0] holds 0, which is outside [1, 1024]"),
    ({"filters": [1, 2, 3, 4]}, "setting filters: [1, 2, 3, 4] has 4 numbers, at most 3 are taken"),
    ({"drop": 1.0}, "setting drop: 1.0 is outside [0, 1)"),
    ({"inner": {"share": 1.0}}, "setting inner.share: 1.0 is outside (0, 1)"),
    ({"inner": {"share": math.nan}}, "setting inner.share: nan is outside (0, 1)"),
    ({"max_minutes": math.inf}, "setting max_minutes: inf is no finite number"),
    ({"optimizer": {"lr": 0.0}}, "setting optimizer.lr: 0.0 is not above 0"),
    ({"epochs": 0}, "setting epochs: 0 is below 1"),
])
def test_a_number_outside_its_range_is_named(values, message):
    with pytest.raises(KitError) as error:
        from_dict(Settings, values, "config.yaml")
    assert message in str(error.value)


@pytest.mark.parametrize("name, value", [("image_size", 8), ("image_size", 512), ("filters", []), ("filters", [1024]),
                                         ("drop", 0.0), ("drop", None)])
def test_ends_and_null_are_taken(name, value):
    assert getattr(from_dict(Settings, {name: value}, "config.yaml"), name) == value


def test_every_bounded_field_is_listed_with_its_range():
    found = ranges(Settings)
    assert found["image_size"] == Range(8, 512) and found["inner.share"] == Range(0, 1, "both")
    assert found["filters"].longest == 3 and found["optimizer.beta1"] == Range(0, 1, "high")
    assert "data" not in found and "optimizer" not in found


def test_another_default_keeps_the_range():
    @dataclass
    class Longer(Settings):
        """Longer"""

        epochs: int = 30

    assert ranges(Longer) == ranges(Settings)
    with pytest.raises(KitError, match="setting epochs: 0 is below 1"):
        Longer(epochs=0)


def test_lists_are_not_shared_and_changed_settings_are_checked_again():
    first, second = Settings(), Settings()
    first.filters.append(0)
    assert second.filters == [32, 64]
    with pytest.raises(KitError, match="filters"):
        check_ranges(first)


def test_a_default_outside_its_range_is_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="default 3"):
        bounded(3, 4, 5)


def test_help_says_the_range(tmp_path, capsys):
    presets = tmp_path / "presets.yaml"
    presets.write_text("sample: {hardware: 2 cores, time: 1 min, expects: {}, settings: {}}")
    with pytest.raises(SystemExit):
        parse_command_line(Settings, presets, ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "side in pixels; in [8, 512]" in text and "share; in (0, 1)" in text and "inf)" not in text

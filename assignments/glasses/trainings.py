"""What experiments and search share: settings changed from a preset, folders to go on in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assignments.common import continuing
from assignments.glasses.run import WORK, GlassesSettings


def base_settings(preset: str, rest: Sequence[str]) -> GlassesSettings:
    """The preset's settings with what words of run.py's command line say."""
    return continuing.base_settings(WORK, preset, rest)


def changed(settings: GlassesSettings, changes: Mapping[str, Any], where: str) -> GlassesSettings:
    """The settings with some of them changed; nested ones as nested mappings. KitError names `where` and a wrong
    key."""
    from paddle_models.trainer.settings import from_dict, to_dict

    return from_dict(GlassesSettings, merged(to_dict(settings), changes), where)


def merged(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dictionary with the entries of another in place of its own."""
    result = dict(values)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if nested else value
    return result


def continued(kind: str, plan: dict[str, Any], out: Path | None) -> Path:
    """`out`, else the newest unfinished folder of this plan under runs/glasses_KIND, else a new one."""
    return continuing.continued(f"{WORK.name}_{kind}", plan, out)

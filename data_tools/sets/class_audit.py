"""What is in a folder of class folders before any training: counts, sizes, damage, copies, pictures of two classes."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.files.names import shown
from data_tools.language import said
from data_tools.sets.audit import counted, describe, listing, scan_images
from data_tools.sets.class_folders import find_classes, read_class_folders
from data_tools.sets.hashes import NEAR
from data_tools.sets.near_duplicates import near_groups


def audit_classes(path: Path) -> dict[str, Any]:
    """Examine all images; the result can be written as JSON.

    Keys: path, notes, images, per_class, sizes, undecodable, wrong_suffix; alike: groups of names of images that differ
    in at most NEAR bits of their perceptual hashes, several_classes: those of them whose images lie in folders of
    several classes; divided: {split: {class: images}} as `new --like images` divides them, or why it cannot.
    """
    images, classes, notes = find_classes(path)
    scan = scan_images(images)
    label = dict(zip(images.names, images.labels.tolist()))
    groups: dict[int, list[str]] = defaultdict(list)
    for name, group in zip(scan.readable, near_groups(scan.hashes).tolist()):
        groups[group].append(name)
    alike = [names for names in groups.values() if len(names) > 1]
    return {"path": shown(images.source.path), "notes": list(notes), **_as_text(describe(images, scan, classes)),
            "alike": [list(map(shown, names)) for names in alike],
            "several_classes": [list(map(shown, names)) for names in alike
                                if len({label[name] for name in names}) > 1],
            "divided": _divided(path)}


def _divided(path: Path) -> dict[str, dict[str, int]] | str:
    try:
        found = read_class_folders(path)
    except KitError as error:
        return str(error)
    return {split: dict(zip(found.classes, np.bincount(getattr(found, split).labels,
                                                       minlength=len(found.classes)).tolist()))
            for split in ("training", "validation", "test")}


def _as_text(described: dict[str, Any]) -> dict[str, Any]:
    """With names that may be shown."""
    for entries in (described["undecodable"], described["wrong_suffix"]):
        for entry in entries:
            entry.update({key: shown(value) for key, value in entry.items()})
    return described


def format_classes(report: dict[str, Any], most: int = 20) -> str:
    """The report for a terminal; lists longer than `most` are cut, the JSON has them whole."""
    divided = report["divided"]
    splits = divided if isinstance(divided, dict) else {}
    lines = [report["path"], *(f"  note: {note}" for note in report["notes"])]
    rows = [(name, [count, *(split[name] for split in splits.values())]) for name, count in report["per_class"].items()]
    total = [report["images"], *(sum(split.values()) for split in splits.values())]
    lines += counted(("images", *splits), [*rows, (said("all"), total)])
    if not splits:
        lines.append(f"  cannot be divided for training: {divided}")
    if report["sizes"]:
        small, middle, large = ("{:g}x{:g}".format(*report["sizes"][key]) for key in ("smallest", "median", "largest"))
        lines.append(f"  sizes: {small} to {large}, median {middle}")
    lines += listing("undecodable", [entry["reason"] for entry in report["undecodable"]], most)
    lines += listing("wrong or missing suffix", [f"{entry['name']}: in truth {entry['content']}"
                                                 for entry in report["wrong_suffix"]], most)
    lines += listing(f"nearly the same (up to {NEAR} of 64 bits differ), of one class",
                     [" ~ ".join(names) for names in report["alike"] if names not in report["several_classes"]], most)
    lines += listing("nearly the same, but of several classes", [" ~ ".join(names)
                                                                 for names in report["several_classes"]], most)
    return "\n".join(lines)

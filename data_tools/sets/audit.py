"""What is in a data set before any training: counts, sizes, damage, copies, leaks between splits.

An image of the validation split that also stands in the training split makes the accuracy look better than it
is. Exact copies are found by SHA-256 of the file, resized or recompressed ones by a perceptual hash.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet, decode, image_format, suffix_format
from data_tools.language import said
from data_tools.sets.hashes import NEAR, hamming, perceptual_hash
from data_tools.sets.monkeys import MonkeyData, find_monkeys
from data_tools.terminal import display_width, line_width, padded, wrapped


@dataclass(frozen=True)
class Scan:
    """What one pass over a split learns; the arrays cover `readable` names only."""

    readable: list[str]
    hashes: np.ndarray  # (N,) uint64 perceptual
    sizes: np.ndarray  # (N, 2) int64 width, height as displayed
    digests: dict[str, str]  # every file that could be read: name -> sha256
    undecodable: list[dict]
    wrong_suffix: list[dict]


def scan_images(images: ImageSet) -> Scan:
    """Read, decode and hash every image of a split."""
    readable, hashes, sizes, digests, undecodable, wrong = [], [], [], {}, [], []
    for name in images.names:
        try:
            content = images.source.read(name)
            digests[name] = hashlib.sha256(content).hexdigest()
            actual = image_format(content[:16])
            if actual is not None and suffix_format(name) != actual:
                wrong.append({"name": name, "content": actual})
            pixels = decode(content, name)
        except KitError as error:
            undecodable.append({"name": name, "reason": str(error)})
            continue
        readable.append(name)
        hashes.append(perceptual_hash(pixels))
        sizes.append((pixels.shape[1], pixels.shape[0]))
    return Scan(readable, np.array(hashes, np.uint64), np.array(sizes, np.int64).reshape(-1, 2), digests,
                 undecodable, wrong)


def audit(data: MonkeyData | str | Path, near: int = NEAR) -> dict:
    """Examine both splits; the result can be written as JSON.

    `near`: greatest pHash distance of a near-identical pair.

    Keys: path, origin, notes, splits (images, per_class, sizes, undecodable, wrong_suffix), identical_within,
    identical_across (groups of names of byte-identical files), near_across (training, validation, distance;
    exact copies are left out), leaked (validation names: identical, near).
    """
    if not isinstance(data, MonkeyData):
        found = find_monkeys(data)
        if found is None:
            raise KitError("no data set found to audit; name its folder or zip archive")
        data = found
    scans = {"training": scan_images(data.training), "validation": scan_images(data.validation)}
    within, across = _identical(scans)
    pairs = _near_pairs(scans["training"], scans["validation"], near)
    identical = sorted(name for group in across for name in group["validation"])
    near_only = sorted({pair["validation"] for pair in pairs} - set(identical))
    return {
        "path": data.path, "origin": data.origin, "notes": list(data.notes), "near_threshold": near,
        "splits": {split: describe(images, scans[split], data.classes)
                   for split, images in (("training", data.training), ("validation", data.validation))},
        "identical_within": within, "identical_across": across, "near_across": pairs,
        "leaked": {"identical": identical, "near": near_only},
    }


def describe(images: ImageSet, scan: Scan, classes: tuple[str, ...]) -> dict:
    """A split in numbers, with its images that are damaged or misnamed."""
    counts = Counter(images.labels.tolist())
    per_class = {name: counts[label] for label, name in enumerate(classes)}
    described = {"images": len(images), "per_class": per_class, "undecodable": scan.undecodable,
                 "wrong_suffix": scan.wrong_suffix, "sizes": {}}
    if len(scan.sizes):
        ratios = scan.sizes.max(1) / scan.sizes.min(1)
        described["sizes"] = {
            "smallest": scan.sizes.min(0).tolist(), "median": np.median(scan.sizes, axis=0).tolist(),
            "largest": scan.sizes.max(0).tolist(),
            "share_with_sides_within_1_to_2": float((ratios <= 2).mean())}
    return described


def _identical(scans: dict[str, Scan]) -> tuple[list[dict], list[dict]]:
    """Groups of byte-identical files: within one split, and across both."""
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: {split: [] for split in scans})
    for split, scan in scans.items():
        for name, digest in scan.digests.items():
            groups[digest][split].append(name)
    across = [group for group in groups.values() if all(group.values())]
    within = [{"split": split, "names": group[split]} for group in groups.values() for split in scans
              if len(group[split]) > 1]
    return within, across


def _near_pairs(training: Scan, validation: Scan, near: int) -> list[dict]:
    distance = hamming(training.hashes, validation.hashes)
    pairs = []
    for i, j in np.argwhere(distance <= near):
        left, right = training.readable[i], validation.readable[j]
        if training.digests[left] != validation.digests[right]:
            pairs.append({"training": left, "validation": right, "distance": int(distance[i, j])})
    return sorted(pairs, key=lambda pair: (pair["distance"], pair["validation"]))


def leaked_names(training: ImageSet, validation: ImageSet, near: int = NEAR) -> tuple[list[str], list[str]]:
    """Validation images that also stand in training: (byte-identical, only near-identical), sorted."""
    scans = {"training": scan_images(training), "validation": scan_images(validation)}
    identical = {name for group in _identical(scans)[1] for name in group["validation"]}
    close = {pair["validation"] for pair in _near_pairs(scans["training"], scans["validation"], near)}
    return sorted(identical), sorted(close - identical)


def format_audit(report: dict, most: int = 20) -> str:
    """The report for a terminal; lists longer than `most` are cut, the JSON has them whole."""
    lines = [f"{report['path']} ({report['origin']})"] + [f"  note: {note}" for note in report["notes"]]
    splits = report["splits"]
    rows = [(name, [split["per_class"][name] for split in splits.values()])
            for name in splits["training"]["per_class"]]
    lines += counted(splits, [*rows, (said("all"), [split["images"] for split in splits.values()])])
    for name, split in splits.items():
        if split["sizes"]:
            small, middle, large = ("{:g}x{:g}".format(*split["sizes"][key])
                                    for key in ("smallest", "median", "largest"))
            lines.append(f"  {name}: sizes: {small} to {large}, median {middle}")
        lines += listing(f"{name}: undecodable",
                          [f"{e['name']}: {said(e['reason'])}" for e in split["undecodable"]], most)
        lines += listing(f"{name}: wrong or missing suffix",
                          [f"{e['name']}: in truth {e['content']}" for e in split["wrong_suffix"]], most)
    lines += listing("byte-identical within a split",
                      [f"{g['split']}: " + " = ".join(g["names"]) for g in report["identical_within"]], most)
    lines += listing("byte-identical across the splits",
                      [" = ".join(g["training"] + g["validation"]) for g in report["identical_across"]], most)
    pairs = [f"{p['training']} ~ {p['validation']} ({p['distance']})" for p in report["near_across"]]
    lines += listing(f"near-identical across the splits (up to {report['near_threshold']} of 64 bits differ)",
                      pairs, most)
    leaked = report["leaked"]
    lines.append(f"  validation images also in training: {len(leaked['identical'])} identical, "
                 f"{len(leaked['near'])} more near-identical")
    return "\n".join(lines)


def counted(titles: Iterable[str], rows: Sequence[tuple[str, Sequence[int]]]) -> list[str]:
    """Lines of a report: images of each class in columns with these titles."""
    width = max(28, *(display_width(name) for name, _ in rows))
    head = padded(said("class"), width) + "".join(padded(said(title), 12, left=False) for title in titles)
    return [f"  {head}", *(f"  {padded(name, width)}" + "".join(f"{count:12}" for count in counts)
                           for name, counts in rows)]


def listing(title: str, entries: list[str], most: int) -> list[str]:
    """Lines of a report: how many, and the first of them."""
    more = [f"and {len(entries) - most} more"] if len(entries) > most else []
    return [f"  {title}: {len(entries)}", *(line for entry in [*entries[:most], *more] for line in wrapped(
        said(entry), "    ", "      ", line_width()))]

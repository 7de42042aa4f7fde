"""Glasses or no glasses as people have it: folder, doubled folder or zip archives with train.csv, test.csv and images
face-N.png (or .jpg); or CelebA with its attribute Eyeglasses, as `celeba:PATH`."""

import hashlib
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.drawing.drawn_set import is_drawn
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.image_set import ImageSet
from data_tools.files.places import expand
from data_tools.files.sources import FolderSource, Source, candidates
from data_tools.sets import celeba
from data_tools.sets.finder import Finder
from data_tools.sets.glasses_labels import LabelFile, read_labels, some

CLASSES = ("no glasses", "glasses")
TRAIN_FILE, TEST_FILE, PLANTED_FILE = "train.csv", "test.csv", "planted.csv"
KINDS = ("wrong label", "uncertain")  # of planted.csv, which only drawn sets have
# The document names no sizes, but its validation accuracies .8611, .8733 and .8444 are whole parts of 900 images
# (775, 786, 760) and the final .8867 of 450 (399): two chunks and one of its ten chunks of 450, the rest for training.
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.2
LABELLED, UNLABELLED = 4500, 500
FEWEST = 3  # images of a class, one for each split
IMAGE_NAME = re.compile(r"face-(\d{1,9})\.(png|jpe?g)", re.IGNORECASE)
CELEBA_PREFIX, CELEBA_ATTRIBUTE = "celeba:", "Eyeglasses"
ABOVE = 2  # folders above the given one in which the label files are looked for

EXPECTED = ("train.csv (columns id and glasses), test.csv (id) and images face-1.png, face-2.png, ... in any folder, "
            "all in one folder or zip archive, or the images in a zip beside the label files")


@dataclass(frozen=True)
class GlassesData:
    """Three labelled splits, int64 labels, 1 for glasses; `unlabelled` are the ids of test.csv with label -1.

    `origin` is "real" (all 5,000 images; or all of CelebA), "drawn" (by this kit) or "subset". `planted`, of drawn sets
    only: image name -> "wrong label" or "uncertain".
    """

    training: ImageSet
    validation: ImageSet
    test: ImageSet
    unlabelled: ImageSet
    origin: str
    path: str
    notes: tuple[str, ...]
    planted: dict[str, str]


@dataclass(frozen=True)
class _Place:
    """Where things lie: images by id in one source; the label files' folder ("" or ending in /) in another."""

    images: Source
    files: dict[int, str]
    labels: Source
    folder: str
    notes: tuple[str, ...]

    def beside(self, name: str) -> str | None:
        """The file `name` beside train.csv, None where there is none."""
        path = self.folder + name
        if isinstance(self.labels, FolderSource):
            return path if os.path.isfile(os.path.join(self.labels.path, path)) else None
        return path if path in self.labels.names() else None


def _read_at(path: Path, strict: bool) -> GlassesData | None:
    """`path`: the data folder, a zip archive, the image folder, or a folder above."""
    place = _place_at(path, strict)
    return None if place is None else read_glasses(place)


def holds_glasses(path: str | Path) -> bool:
    """Whether there are train.csv and faces at `path`; whether they fit together is another question."""
    path = expand(path)
    return path.exists() and _place_at(path, strict=False) is not None


def _place_at(path: Path, strict: bool) -> _Place | None:
    """The images and label files at `path`; None where either is missing.

    Where `strict`, a damaged zip that was needed raises KitError, which otherwise passes for nothing.
    """
    images = labels = None
    damaged: list[KitError] = []
    for source in candidates(path, strict, damaged):
        names = source.names()
        faces, folder = _faces(source, names), _label_folder(source, names)
        if faces and (images is None or len(faces[1]) > len(images[1])):
            images, labels = faces, folder or labels
        labels = labels or folder
    if images and not labels and path.is_dir():
        labels = next(((FolderSource(above), "") for above in list(path.absolute().parents)[:ABOVE]
                       if (above / TRAIN_FILE).is_file()), None)
    if images and labels:
        return _Place(*images[:2], *labels, images[2])
    if strict and damaged:
        raise damaged[0]
    return None


def _faces(source: Source, names: list[str]) -> tuple[Source, dict[int, str], tuple[str, ...]] | None:
    """Images by id, and notes on what stands there twice; the folder with the most of them comes first."""
    folders = defaultdict(list)
    for name in names:
        base = name.rfind("/") + 1
        face = IMAGE_NAME.fullmatch(name, base)
        if face:
            folders[name[:base]].append((face[2].lower() != "png", int(face[1]), name))
    files: dict[int, str] = {}
    twice = []
    for folder in sorted(folders, key=lambda folder: (-len(folders[folder]), folder.count("/"), folder)):
        for _, number, name in sorted(folders[folder]):  # a .png before a .jpg of the same id
            if files.setdefault(number, name) != name:
                twice.append(name)
    notes = (f"{len(twice):,} images are there twice and left out: {some(twice)}",) if twice else ()
    return (source, files, notes) if files else None


def _label_folder(source: Source, names: list[str]) -> tuple[Source, str] | None:
    """The uppermost folder with a train.csv."""
    found = [name for name in names if name.rsplit("/", 1)[-1] == TRAIN_FILE]
    uppermost = min(found, key=lambda name: (name.count("/"), name), default=None)
    return None if uppermost is None else (source, uppermost[:-len(TRAIN_FILE)])


def read_glasses(place: _Place) -> GlassesData:
    """Read and check the set; KitError with everything that is wrong with it."""
    notes = list(place.notes)
    train = read_labels(place.labels.read(place.folder + TRAIN_FILE), TRAIN_FILE, labelled=True)
    if place.beside(TEST_FILE) is not None:
        test = read_labels(place.labels.read(place.folder + TEST_FILE), TEST_FILE, labelled=False)
    else:
        test = LabelFile(TEST_FILE, {number: -1 for number in sorted(place.files) if number not in train.rows})
        notes.append(f"no {TEST_FILE}; {len(test.rows):,} images that {TRAIN_FILE} does not list are the unlabelled "
                     f"ones")
    problems = _problems(place, train, test)
    if problems:
        raise KitError(f"the glasses data at {place.labels.path} does not fit together:\n  - " + "\n  - ".join(problems)
                       +
                       "\nMend what is named above, or fetch the files again.")
    drawn = is_drawn(place.images, place.files.values()) or is_drawn(place.labels, [place.folder + TRAIN_FILE])
    ids = np.array(sorted(train.rows), np.int64)
    labels = np.array([train.rows[number] for number in ids.tolist()], np.int64)
    rows = divide([str(number) for number in ids.tolist()], labels)

    def image_set(name: str, numbers: list[int], labels: np.ndarray) -> ImageSet:
        return ImageSet(name, place.images, tuple(place.files[number] for number in numbers), labels)

    splits = {name: image_set(name, ids[mine].tolist(), labels[mine]) for name, mine in rows.items()}
    unlabelled = image_set("unlabelled", sorted(test.rows), np.full(len(test.rows), -1, np.int64))
    whole = (len(train.rows), len(test.rows)) == (LABELLED, UNLABELLED)
    origin = "drawn" if drawn else "real" if whole else "subset"
    if origin == "subset":
        notes.append(f"{len(train.rows):,} labelled and {len(test.rows):,} unlabelled images, of {LABELLED:,} and "
                     f"{UNLABELLED}")
    return GlassesData(**splits, unlabelled=unlabelled, origin=origin, path=place.images.path, notes=tuple(notes),
                       planted=_read_planted(place) if drawn else {})


def _problems(place: _Place, train: LabelFile, test: LabelFile) -> list[str]:
    """Everything wrong with the two label files and the images together."""
    problems = train.problems + test.problems
    if train.rows:
        both = sorted(train.rows.keys() & test.rows.keys())
        absent = [str(number) for number in sorted((train.rows.keys() | test.rows.keys()) - place.files.keys())]
        if both:
            problems.append(f"{len(both):,} ids are both in {TRAIN_FILE} and {TEST_FILE}: {some(map(str, both))}")
        if absent:
            problems.append(f"{len(absent):,} ids have no image face-ID.png or .jpg in {place.images.path}: "
                            f"{some(absent)}")
        if test.rows:
            missing = [str(number) for number in sorted(place.files.keys() - train.rows.keys() - test.rows.keys())]
            if missing:
                problems.append(f"{len(missing):,} ids are missing from {TRAIN_FILE} and {TEST_FILE}, though there are "
                                f"images of them: {some(missing)}")
    if train.rows and not problems:
        counts = [list(train.rows.values()).count(label) for label in (0, 1)]
        problems += [f"{TRAIN_FILE} has {count} images labelled {label}; at least {FEWEST} are needed"
                     for label, count in enumerate(counts) if count < FEWEST]
    return problems


def divide(keys: list[str], labels: np.ndarray, test: float = TEST_SHARE,
           validation: float = VALIDATION_SHARE) -> dict[str, np.ndarray]:
    """Rows of "training", "validation" and "test", ascending: of each class the given shares, at least one image.

    Which image goes where follows from the hash of its key alone, never from a training seed: every run of every seed
    is judged on the same images. A share of 0 gives an empty split.
    """
    order = np.argsort([hashlib.sha256(f"glasses {key}".encode()).hexdigest() for key in keys], kind="stable")
    parts = defaultdict(list)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        ends = np.cumsum([max(1, round(share * len(members))) if share else 0 for share in (test, validation)])
        for name, part in zip(("test", "validation", "training"), np.split(members, ends)):
            parts[name].append(part)
    return {name: np.sort(np.concatenate(parts[name])) for name in ("training", "validation", "test")}


def _read_planted(place: _Place) -> dict[str, str]:
    """{image name: kind}; unknown kinds and ids of a drawn set are an error."""
    name = place.beside(PLANTED_FILE)
    if name is None:
        return {}
    lines = place.labels.read(name).decode("utf-8", errors="replace").split("\n")[1:]
    rows = [line.strip().split(",") for line in lines if line.strip()]
    wrong = [",".join(row)[:40] for row in rows
             if len(row) != 2 or row[1] not in KINDS or not row[0].isdecimal() or int(row[0][:9]) not in place.files]
    if wrong:
        raise KitError(f"{PLANTED_FILE} in {place.labels.path} has rows that are not `id,kind`: {some(wrong)}; draw "
                       "the set again into a new folder")
    return {place.files[int(number[:9])]: kind for number, kind in rows}


def _from_celeba(path: str) -> GlassesData:
    """CelebA's own splits with its attribute Eyeglasses; where one is empty, a part of training is held out for it.

    path: of CelebA; "" searches, "sample" draws.
    """
    data = celeba.find_or_draw("sample") if path == "sample" else celeba.find_celeba(path or None)
    if data is None:
        raise KitError(f"no CelebA was found. Name its folder or archive: {CELEBA_PREFIX}PATH. Wanted: "
                       f"{celeba.EXPECTED}")
    column, notes = data.attributes.index(CELEBA_ATTRIBUTE), list(data.notes)
    splits = {}
    for name in celeba.SPLITS:
        images = getattr(data, name)
        splits[name] = ImageSet(name, images.source, images.names, images.labels[:, column].astype(np.int64))
    training = splits["training"]
    counts = np.bincount(training.labels, minlength=2)
    if counts.min() < FEWEST:
        raise KitError(f"CelebA at {data.path} has {counts[0]} training images without and {counts[1]} with "
                       f"{CELEBA_ATTRIBUTE}; at least {FEWEST} of each are needed")
    shares = {name: 0.0 if len(splits[name]) else share
              for name, share in (("test", TEST_SHARE), ("validation", VALIDATION_SHARE))}
    if any(shares.values()):
        rows = divide([name.rsplit("/", 1)[-1] for name in training.names], training.labels, **shares)
        for name, share in shares.items():
            if share:
                splits[name] = training.subset(rows[name], name)
                notes.append(f"{len(rows[name]):,} training images are held out as the {name} split, which has none of "
                             f"its own")
        splits["training"] = training.subset(rows["training"])
    unlabelled = ImageSet("unlabelled", training.source, (), np.zeros(0, np.int64))
    return GlassesData(**splits, unlabelled=unlabelled, origin=data.origin, path=data.path, notes=tuple(notes),
                       planted={})


FINDER = Finder(
    name="glasses set", pictures="images with and without glasses", wanted=EXPECTED, sample="glasses",
    variable="GLASSES_DATA", read=_read_at, others={CELEBA_PREFIX: _from_celeba}, places=(
        "data/glasses-or-no-glasses*",
        f"{places.data()}/glasses-or-no-glasses*",
        "~/data/glasses-or-no-glasses*",
        "data/*glasses*",
        "~/data/*glasses*",
        "~/data/data*/*glasses*",  # AI Studio mounts a data set as ~/data/dataNNNNN/
        "~/data/data*/*faces-spring*",
        "~/work/data*/*glasses*",
        "~/data/data*",
        "~/work/data*",
    ))
find_glasses, find_or_draw = FINDER.find, FINDER.find_or_draw

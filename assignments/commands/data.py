"""`data`: look at a data set, draw, pack or download one."""

import argparse
import json
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from data_tools.language import show


def add_to(commands: Any) -> None:
    """The command, its sub-commands and their options."""
    data = commands.add_parser("data", help="look at, draw or download data")
    within = data.add_subparsers(required=True, metavar="WHAT")
    command = speaks(add_command(within, "audit", audit_set))
    command.add_argument("path", type=Path)
    command.add_argument("--json", type=Path, help="also write it to this file")
    command = speaks(add_command(within, "sample", sample))
    command.add_argument("name", help="monkeys, celeba, textures or glasses (a folder alone: monkeys)")
    command.add_argument("folder", type=Path, nargs="?", help="default: data/drawn-NAME")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--count", type=int,
                         help="faces (default: celeba 2000, glasses 1500) or training pictures (textures; 60)")
    _add_pack(within)
    command = speaks(add_command(within, "fetch", fetch_set))
    command.add_argument("name", help="a data set, or yunet, which finds faces for `predict face_attributes`")
    command.add_argument("folder", type=Path, nargs="?", help="default: data/ of the kit")


def _add_pack(within: Any) -> None:
    command = speaks(add_command(within, "pack", pack))
    command.add_argument("source", help="a glasses set (folder or zip), sample, celeba:PATH, or any folder of images")
    command.add_argument("folder", type=Path, help="where the packed folders go: training-32, ...")
    command.add_argument("--size", type=int, nargs="+", default=[32, 64, 128], metavar="PIXELS",
                         help="default: 32 64 128")
    command.add_argument("--shard", type=int, default=450, metavar="IMAGES", help="images to a file (default: 450)")
    command.add_argument("--encoding", choices=("raw", "png"), default="raw",
                         help="png: a half of the room, read slower")
    command.add_argument("--crop", choices=("centre",),
                         help="the middle square only (default: the whole image, squeezed)")
    command.add_argument("--processes", type=int, metavar="N", help="default: one for each core, at most 4")
    command.add_argument("--split", choices=("training", "validation", "test", "unlabelled", "all"), default="all")
    command.add_argument("--skip_unreadable", choices=("true", "false"), default="false",
                         help="leave damaged images out")


def audit_set(arguments: argparse.Namespace) -> int:
    """What is wrong with a data set: unreadable, leaked, near-identical and misnamed images; sets of super-resolution:
    test images that are also in training, at any size or as a part; any folder of class folders: also pictures that lie
    in several classes."""
    from data_tools.files.atomic import write_atomically
    from data_tools.sets.audit import audit, format_audit
    from data_tools.sets.class_audit import audit_classes, format_classes
    from data_tools.sets.crop_copies import audit_copies, format_copies, holds_sets
    from data_tools.sets.monkeys import holds_own_classes

    pair = (audit, format_audit)
    if holds_sets(arguments.path):
        pair = (audit_copies, format_copies)
    elif holds_own_classes(arguments.path):
        pair = (audit_classes, format_classes)
    found = pair[0](arguments.path)
    show(pair[1](found))
    if arguments.json:
        write_atomically(arguments.json, json.dumps(found, indent=2, ensure_ascii=False).encode())
        show(f"written to {arguments.json}")
    return 0


def sample(arguments: argparse.Namespace) -> int:
    """Draw a stand-in set: monkeys, celeba, textures or glasses."""
    from data_tools.sets.samples import SAMPLES, draw_sample

    name, folder = arguments.name, arguments.folder
    if folder is None and name not in SAMPLES:  # `data sample FOLDER`: the monkeys
        name, folder = "monkeys", name
    print(draw_sample(name, folder, arguments.seed, arguments.count))
    return 0


def pack(arguments: argparse.Namespace) -> int:
    """Pack images of any size as TFRecord shards, which any program reads and training reads fastest."""
    from data_tools.files.names import shown
    from data_tools.packed.pack_sizes import pack_all
    from data_tools.sets.folders import find_images, folder_classes

    sets = find_images(arguments.source, arguments.split)
    for packed in pack_all(tuple(sets.values()), arguments.folder, arguments.size, crop=arguments.crop,
                           shard=arguments.shard,
                           encoding=arguments.encoding, processes=arguments.processes,
                           skip_unreadable=arguments.skip_unreadable == "true"):
        show(str(packed))
    if "images" in sets and (classes := folder_classes(sets["images"])):
        show(f"labels: {', '.join(f'{label} {shown(name)}' for label, name in sorted(classes.items()))}")
    show(f"written to {arguments.folder}")
    return 0


def fetch_set(arguments: argparse.Namespace) -> int:
    """Download a data set."""
    from data_tools.files.download import fetch

    print(fetch(arguments.name, arguments.folder))
    return 0

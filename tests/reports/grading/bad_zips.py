"""Bad submissions that are zips, or stand in the place of one: ZIPS[kind](good run folder, out, canary) -> what is
handed in."""

import io
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

WEIGHTS = "checkpoints/best.safetensors"
FORMULA = "=HYPERLINK(\"http://x\",\"<script>alert(1)</script>\")"


def zip_run(run: Path, to: Path, folder: str = "", **more: bytes | str) -> Path:
    """A zip of a run folder, in a sub-folder if one is named; `more` members by their names."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in run.rglob("*") if path.is_file()):
            archive.write(file, folder + file.relative_to(run).as_posix())
        for name, content in more.items():
            archive.writestr(name, content)
    return to


def _member(name: str, mode: int = 0, content: bytes | str = "x") -> Callable[[Path, Path, Path], Path]:
    """A whole run and one more member."""
    def make(good: Path, out: Path, canary: Path) -> Path:
        info = zipfile.ZipInfo(name.format(canary=canary))
        info.external_attr = mode << 16
        info.create_system = 3
        path = zip_run(good, out / "run.zip")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, content)
        return path

    return make


def _bomb(good: Path, out: Path, _: Path) -> Path:
    """predictions.npz of 64 MB that takes 64 KB."""
    path = out / "run.zip"
    with zipfile.ZipFile(zip_run(good, out / "good.zip")) as source, zipfile.ZipFile(path, "w",
                                                                                     zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, bytes(64 << 20) if name == "predictions.npz" else source.read(name))
    return path


def _overlapping(good: Path, out: Path, _: Path) -> Path:
    """Many members that are the same bytes of the zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.yaml", os.urandom(100_000))
        first = archive.infolist()[0]
        for name in ("result.json", "metrics.jsonl", "predictions.npz"):
            copy = zipfile.ZipInfo(name)
            for field in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(copy, field, getattr(first, field))
            archive.filelist.append(copy)
            archive.NameToInfo[name] = copy
    (out / "run.zip").write_bytes(stream.getvalue())
    return out / "run.zip"


def _many(good: Path, out: Path, _: Path) -> Path:
    """100,000 empty files, made at once from one that was packed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("00000.txt", b"")
    whole = stream.getvalue()
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    local, central = whole[:start], whole[start:end]
    names = [f"{number:05x}.txt".encode() for number in range(100_000)]
    directory = b"".join(central[:42] + struct.pack("<I", len(local) * number) + name for number,
                         name in enumerate(names))
    files = b"".join(local.replace(b"00000.txt", name) for name in names)
    size, offset, count = len(directory), len(files), len(names)
    tail = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    tail += struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    tail += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    (out / "run.zip").write_bytes(files + directory + tail)
    return out / "run.zip"


def _metrics_in_zip(good: Path, out: Path, _: Path) -> Path:
    """metrics.jsonl of 1 GB in a zip of a megabyte: members of a zip can be made of several deflated parts."""
    import zlib

    row = b'{"kind": "step", "step": 1, "epoch": 0}' + b" " * 24 + b"\n"
    megabytes, piece = 1024, row * ((1 << 20) // len(row) + 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    body = part * megabytes + packer.flush(zlib.Z_FINISH)
    path = zip_run(good, out / "run.zip")
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name != "metrics.jsonl":
                archive.writestr(name, source.read(name))
        info = zipfile.ZipInfo("metrics.jsonl")
        info.compress_type, info.compress_size, info.file_size = zipfile.ZIP_DEFLATED, len(body), len(piece) * megabytes
        info.header_offset, info.CRC = archive.start_dir, 0
        archive.fp.seek(archive.start_dir)
        archive.fp.write(info.FileHeader() + body)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive._didModify = True
    path.write_bytes(stream.getvalue())
    return path


def _encrypted(good: Path, out: Path, _: Path) -> Path:
    path = zip_run(good, out / "run.zip")
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(mark, place + 4)
    path.write_bytes(content)
    return path


def _damaged(good: Path, out: Path, _: Path) -> Path:
    path = zip_run(good, out / "run.zip")
    content = bytearray(path.read_bytes())
    place = content.index(WEIGHTS.encode()) + len(WEIGHTS) + 40
    content[place:place + 20] = bytes(20)
    path.write_bytes(content)
    return path


def _no_zip(_: Path, out: Path, __: Path) -> Path:
    (out / "run.zip").write_bytes(b"not a zip at all")
    return out / "run.zip"


def _empty(_: Path, out: Path, __: Path) -> Path:
    (out / "run").mkdir()
    return out / "run"


def _two(good: Path, out: Path, _: Path) -> Path:
    shutil.copytree(good, out / "class" / "a")
    shutil.copytree(good, out / "class" / "b")
    return out / "class"


def _duplicate(good: Path, out: Path, canary: Path) -> Path:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _member("result.json", content="{}")(good, out, canary)


def _itself(good: Path, out: Path, _: Path) -> Path:
    (out / "run").symlink_to(good)
    return out / "run"


def _formula_name(good: Path, out: Path, _: Path) -> Path:
    """A whole run whose file name is a formula with markup, as far as a file name may."""
    return Path(shutil.copytree(good, out / FORMULA.replace("/", "_")))


ZIPS: dict[str, Callable[[Path, Path, Path], Path]] = {
    "path-escape": _member("../../{canary.name}"), "backslash-escape": _member("..\\..\\{canary.name}"),
    "absolute-path": _member("{canary}"), "drive-letter": _member("C:\\Windows\\evil.dll"),
    "symlink-in-zip": _member("environment.txt", 0o120777, "/etc/passwd"), "device-in-zip": _member("device", 0o020666),
    "long-name": _member("a" * 300 + ".txt"), "duplicate": _duplicate, "zip-bomb": _bomb,
    "overlapping-bomb": _overlapping,
    "too-many-files": _many, "metrics-too-large-in-zip": _metrics_in_zip, "encrypted": _encrypted,
    "damaged-zip": _damaged,
    "no-zip": _no_zip, "empty": _empty, "two-runs": _two, "symlink-itself": _itself, "formulas": _formula_name}

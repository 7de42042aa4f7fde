"""Members of zip archives as other systems write them: their names, and how each is opened."""

import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from data_tools.files.other_kinds import other_kind

UTF8_NAME = 0x800  # flag of a member whose name is UTF-8; else its encoding is nowhere told
NAME_ENCODINGS = ("utf-8", "gb18030")  # tried in this order
ENCRYPTED = 0x1  # flag of a member
READ_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
OTHER_METHODS = {9: "Deflate64 (Windows does so from 2 GB on)", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES"}
OTHER_ARCHIVES = {  # where a file has which mark, and what unpacks it
    "tar.gz (or .gz)": (0, b"\x1f\x8b", "tar xzf FILE"), "tar": (257, b"ustar", "tar xf FILE"),
    "tar.xz (or .xz)": (0, b"\xfd7zXZ\x00", "tar xJf FILE"), "tar.bz2 (or .bz2)": (0, b"BZh", "tar xjf FILE"),
    "rar": (0, b"Rar!\x1a\x07", "unrar x FILE"), "7z": (0, b"7z\xbc\xaf\x27\x1c", "7z x FILE"),
}


def member_names(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """{name with `/` between folders: member} of the files in an archive; of two of one name the later, as unpacked.

    Names without the mark for UTF-8 are UTF-8 (macOS) or GBK (Chinese Windows) where all of them can be, else what
    zipfile makes of them.
    """
    members = archive.infolist()
    raw = {id(info): info.filename.encode("cp437") for info in members  # of another name the archive says it in UTF-8
           if not info.flag_bits & UTF8_NAME and not info.filename.isascii() and info.filename == info.orig_filename}
    encoding = _encoding(b"\n".join(raw.values()))
    named = {}
    for info in members:
        name = info.filename
        if id(info) in raw:
            name = raw[id(info)].decode(encoding)
        name = name.replace("\\", "/")
        if not name.endswith("/"):
            named["/".join(part for part in name.split("/") if part not in ("", "."))] = info
    return named


def _encoding(names: bytes) -> str:
    for encoding in NAME_ENCODINGS:
        with suppress(UnicodeDecodeError):
            names.decode(encoding)
            return encoding
    return "cp437"


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member to read, also where a name stands in the archive in two spellings, which zipfile refuses.

    ValueError for one that is encrypted, or packed in a way that is not read here.
    """
    if info.flag_bits & ENCRYPTED:
        raise ValueError("it is encrypted; unpack the archive with its password (7z x FILE) and name the folder")
    if info.compress_type not in READ_METHODS:
        method = OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
        raise ValueError(f"it is packed by {method}, which is not read here; unpack the archive (7z x FILE) and name "
                         "the folder")
    try:
        return archive.open(info)
    except zipfile.BadZipFile as error:
        if "differ" not in str(error) or archive.fp is None:
            raise
        archive.fp.seek(info.header_offset + 26)
        length = int.from_bytes(archive.fp.read(2), "little")
        archive.fp.seek(info.header_offset + 30)
        spelling = archive.fp.read(length)
        info.orig_filename = spelling.decode("utf-8" if info.flag_bits & UTF8_NAME else "cp437")
        return archive.open(info)


def first_part(file: str) -> str:
    """Name of the first part of a split archive of which `file` is one, "" where it is none."""
    place = Path(file)
    if re.search(r"\.(z\d\d|zip\.\d{3})$", place.name, re.IGNORECASE):
        return place.name
    beside = [place.with_suffix(suffix) for suffix in (".z01", ".Z01")]
    return next((part.name for part in beside if place.suffix.lower() == ".zip" and part.is_file()), "")


def no_zip(path: str, file: str, error: Exception) -> str:
    """Why a file is no zip archive; another kind of archive is named."""
    if part := first_part(file):
        return (f"{path} is a part of a split archive ({part}); put it together first (zip -s 0 FILE.zip --out "
                "WHOLE.zip), or unpack it (7z x of its first part)")
    with suppress(OSError), open(file, "rb") as stream:
        head = stream.read(262)
        for kind, (place, mark, how) in OTHER_ARCHIVES.items():
            if head[place:place + len(mark)] == mark:
                return f"{path} is a {kind} archive, and zip archives are read; unpack it ({how}) and name the folder"
        if (other := other_kind(head)) and not head.startswith(b"PK"):
            return f"{path} is no zip archive but {other}; fetch it again"
    return f"{path} cannot be opened as a zip archive ({error}); the download may be cut short: fetch it again"

"""Members of zip archives as other systems write them: their names, and how each is opened."""

import zipfile
from contextlib import suppress
from typing import IO

UTF8_NAME = 0x800  # flag of a member whose name is UTF-8; else its encoding is nowhere told
NAME_ENCODINGS = ("utf-8", "gb18030")  # tried in this order
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
    """A member to read, also where a name stands in the archive in two spellings, which zipfile refuses."""
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


def no_zip(path: str, file: str, error: Exception) -> str:
    """Why a file is no zip archive; another kind of archive is named."""
    with suppress(OSError), open(file, "rb") as stream:
        head = stream.read(262)
        for kind, (place, mark, how) in OTHER_ARCHIVES.items():
            if head[place:place + len(mark)] == mark:
                return f"{path} is a {kind} archive, and zip archives are read; unpack it ({how}) and name the folder"
    return f"{path} cannot be opened as a zip archive ({error}); the download may be cut short: fetch it again"

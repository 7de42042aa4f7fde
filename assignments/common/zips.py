"""Members of zips that the kit writes: the same content gives the same bytes, on any machine and at any time."""

import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every member


def member(name: str, executable: bool = False) -> zipfile.ZipInfo:
    """A member of a zip without anything of the machine that it is written on."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system = 3  # Unix, on any system: the permissions below count
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info

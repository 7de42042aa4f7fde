"""File names as they may be shown: on a terminal, in JSON and in CSV, whatever bytes they are made of."""

import unicodedata


def shown(name: str) -> str:
    """The name with what cannot be written as text escaped: bytes that are no UTF-8 as \\xb2, control characters as
    \\x1b or \\u202e. Any other name is returned as it is."""
    return name if name.isascii() and name.isprintable() else "".join(map(_shown, name))


def _shown(character: str) -> str:
    number, category = ord(character), unicodedata.category(character)
    if 0xDC80 <= number <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if category[0] == "C" or category in ("Zl", "Zp"):
        return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    return character

"""What a file is that is no picture we read, told by how it begins."""

HEAD = 160  # bytes that tell

RAW = "a camera's raw picture"
BEGINNINGS = {
    b"\xff\x0a": "a JPEG XL picture", b"\x00\x00\x00\x0cJXL \r\n\x87\n": "a JPEG XL picture",
    b"\xff\xd8\xff\xf7": "a JPEG-LS picture", b"II\xbc": "a JPEG XR picture", b"BPG\xfb": "a BPG picture",
    b"FLIF": "a FLIF picture", b"qoif": "a QOI picture", b"8BPS": "a Photoshop picture", b"gimp xcf": "a GIMP picture",
    b"%PDF": "a PDF document", b"%!PS": "a PostScript document", b"<svg": "a drawing (SVG)", b"<?xml": "a text (XML)",
    b"\xd7\xcd\xc6\x9a": "a Windows metafile", b"\x00\x00\x01\x00": "an icon", b"icns": "an icon",
    b"v/1\x01": "an OpenEXR picture", b"#?RADIANCE": "a Radiance picture", b"PF\n": "a float pixmap (PFM)",
    b"Pf\n": "a float pixmap (PFM)", b"P7\n": "a pixmap of the kind PAM", b"DDS ": "a texture (DDS)",
    b"SIMPLE  =": "an astronomical picture (FITS)", b"\x93NUMPY": "an array of NumPy", b"MATLAB": "arrays of MATLAB",
    b"FUJIFILMCCD-RAW": RAW, b"IIRO": RAW, b"IIRS": RAW, b"IIU\x00": RAW, b"DICM": "a DICOM picture",
    b"<!doctype html": "a web page, perhaps of a download that was refused", b"<html": "a web page, perhaps of a "
    "download that was refused", b"version https://git-lfs": "a pointer of Git LFS (git lfs pull fetches the file)",
    b"\x1f\x8b": "a packed file (gzip)", b"PK\x03\x04": "a packed file (zip)", b"Rar!": "a packed file (RAR)",
    b"data:image/": "a picture as text (base64)",
}
FILM = "a film"


def other_kind(head: bytes) -> str:
    """In words, "" where it is not known; head: the first HEAD bytes of a file that is no image we read."""
    if head[128:132] == b"DICM":
        return BEGINNINGS[b"DICM"]
    if head[8:11] == b"CR\x02" or head[4:12] == b"ftypcrx ":
        return RAW
    known = next((kind for start, kind in BEGINNINGS.items() if head[:len(start)].lower() == start.lower()), "")
    film = head[4:8] in (b"ftyp", b"moov", b"wide") or head.startswith((b"RIFF", b"\x1aE\xdf\xa3"))
    return known or (FILM if film else "")

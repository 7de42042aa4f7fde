"""Files: found, read in place, written whole.

places.py       the project's folder, the cache, runs, data, and where people keep their data sets
sources.py      folders and zip archives of encoded files, several together or one in another, read in place
zip_members.py  names in zip archives as other systems write them
image_set.py    encoded images of one split with their labels, decoded when asked for
films.py        films read, each picture with its time; film_writer.py: films written, with their sound
names.py        file names of any bytes, as they may be shown
pictures.py     pictures that go through a network and come out as they were
other_kinds.py  what a file is that is no picture we read; float_tiff.py: floats that Pillow does not read
plain_yaml.py   YAML of strangers, within bounds
locks.py        locks between processes, on file systems without any too
atomic.py       files that are whole or absent, and their checksums
download.py     data sets from their public addresses
"""

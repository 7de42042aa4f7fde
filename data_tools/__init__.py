"""Data: where files come from, data sets as people have them, drawn stand-ins, packed stores, batches.

files/        sources (folder, zip), encoded images of a split, atomic writing, download, places on the disk
drawing/      data sets drawn by code, for machines without real ones
sets/         readers of the data sets, from whatever people have; the audit; faces found in pictures
packed/       images decoded once: memory-mapped stores, TFRecord shards
batches/      augmentation, crops, the loader
errors.py     KitError, which the user can mend, and BadFile, of a file without trust
machine.py    cores and memory that this process may use; quiet.py: libraries that talk too much;
              pipes.py: output that nobody reads; terminal.py: what fits into a line
language.py   Chinese or English: the code's sentences, chinese*.yaml their translations; progress.py: how far it is

Inside, too, imports go one way: batches -> packed -> files; sets -> drawing -> files. Any may use those below files/.
"""

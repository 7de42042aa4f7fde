"""Data sets as people have them: folders, doubled folders, zips, AI Studio's places.

monkeys.py             10 Monkey Species
celeba.py              CelebA; celeba_labels.py reads its label files
glasses.py             glasses or no glasses; glasses_labels.py
super_resolution.py    Set5, T91, DIV2K and their like, bicubic resizing; photographs.py: pictures of packages
samples.py             the sets that the kit draws, by name
audit.py               damage, copies and leaks in a set
face_finder.py         faces in any picture, framed as CelebA frames them
packing.py             a whole place packed as TFRecord shards
"""

"""Data sets as people have them: folders, doubled folders, zips, AI Studio's places.

finder.py              how a set is looked for: path, variable, places, else drawn; the next three have a FINDER
monkeys.py             10 Monkey Species
celeba.py              CelebA; celeba_labels.py reads its label files
glasses.py             glasses or no glasses; glasses_labels.py
super_resolution.py    Set5, T91, DIV2K and their like; photographs.py: pictures of packages
samples.py             the sets that the kit draws, by name
class_folders.py       anybody's own classes; class_audit.py: what is in them
audit.py               damage, copies and leaks in a set; near_duplicates.py: which images go together in a split, by
                       the perceptual hashes of hashes.py
face_finder.py         faces in any picture, framed as CelebA frames them
folders.py             any folder or zip of images
"""

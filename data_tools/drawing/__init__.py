"""Data sets drawn by code, in the layout of the real ones.

drawn_set.py     a drawn set is whole or absent, and marked as drawn
brush.py         outlines, skin and fur
monkey_sample.py    the set of monkeys: monkey_drawing.py draws one, monkey_scenery.py what is around it
celeba_sample.py    the set of faces: face_drawing.py draws one from face_look.py, face_parts.py and face_hair.py;
                    attributes.py names CelebA's forty
glasses_sample.py   the same faces with and without glasses
texture_sample.py   detailed pictures for super-resolution, drawn by texture_drawing.py
"""

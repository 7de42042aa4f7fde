"""From a store to the batches of an epoch.

loader.py               batches of one epoch, in this process or in workers; the order comes from the seed
augment.py              random augmentation with imgaug; augment_operators.py makes its slow parts fast
crops.py                pairs of high and low resolution for super-resolution, made by bicubic.py
"""

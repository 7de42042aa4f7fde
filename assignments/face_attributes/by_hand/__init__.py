"""What a network of seven heads computes and how rare attributes are judged, in NumPy: solved exercises.

heads.py       order of labels and heads, attention with a bias table, layer scale and drop path, the seven heads
imbalance.py   losses and measures for attributes of which some are rare, average of weights, reliability
"""

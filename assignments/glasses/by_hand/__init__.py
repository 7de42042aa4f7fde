"""What the small CNN and the experiments around it compute, written out in NumPy: solved exercises.

convolution.py   convolution, max pooling and batch normalisation, with gradients
experiment.py    decay, the uncertain band, records, label errors, random search
"""

"""What the classifier computes, written out in NumPy: solved exercises.

classifier.py   inputs, a residual block, the loss and its learning rate, when to stop
scrutiny.py     confusion matrix, F1, near-duplicates, Grad-CAM
"""

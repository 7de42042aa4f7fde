"""What enlarges pictures and what judges them, written out in NumPy: solved exercises.

enlarging.py   separable convolution, pixel shuffle, the bicubic kernel, tiles
fidelity.py    PSNR, SSIM, adversarial losses, total variation
"""

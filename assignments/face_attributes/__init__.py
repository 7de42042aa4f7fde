"""Facial attributes: EfficientFormerV2 with one head for each of seven face regions, on CelebA."""

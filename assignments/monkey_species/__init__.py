"""Fine-grained classification of ten monkey species with ResNet-50 (course report, Wuhan University, 2020)."""

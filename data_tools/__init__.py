"""Data sets in their original layouts, drawn samples, augmentation, the packed store, loaders and the audit."""

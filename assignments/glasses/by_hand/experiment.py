"""What surrounds the network: its learning rate, what it is unsure of, records, wrong labels, and a random search."""

import struct

import numpy as np


def decayed_rates(steps: np.ndarray, initial: float, rate: float, decay_steps: int) -> np.ndarray:
    """The learning rate of each step (K,): `initial`, and times `rate` whenever `decay_steps` have passed, smoothly."""
    return initial * rate ** (steps / decay_steps)


def uncertain_band(labels: np.ndarray, probabilities: np.ndarray, low: float, high: float) -> tuple[np.ndarray, float]:
    """(which images are uncertain (N,), accuracy of the others) of labels 0 or 1 and probabilities of 1, (N,)."""
    uncertain = (probabilities >= low) & (probabilities <= high)
    right = (probabilities >= 0.5) == (labels == 1)
    return uncertain, float(right[~uncertain].mean()) if (~uncertain).any() else float("nan")


def crc32c(data: bytes) -> int:
    """The checksum CRC-32C (Castagnoli) of bytes, 0..2^32 - 1, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """The checksum as TFRecord stores it, 0..2^32 - 1: rotated right by 15 bits, plus 0xa282ead8."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """One record of a TFRecord file around data."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def random_trials(u: np.ndarray) -> np.ndarray:
    """Settings of trials, (T, 4): layers, dropout, learning rate, decay, made of random numbers u (T, 4) in 0..1."""
    layers = 2 + np.floor(4 * u[:, 0])
    dropout = np.floor(8 * u[:, 1]) / 10
    return np.stack([layers, dropout, 10 ** (-4 + 2 * u[:, 2]), 0.8 + 0.2 * u[:, 3]], axis=1)


def confident_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Rows whose label is suspect by confident learning, the least credible label first."""
    both = np.stack([1 - probabilities, probabilities], axis=1)
    thresholds = np.array([both[labels == label, label].mean() for label in (0, 1)])
    beyond = both >= thresholds
    counts_for = np.where(beyond.all(axis=1), both.argmax(axis=1), beyond.argmax(axis=1))
    suspects = np.flatnonzero(beyond.any(axis=1) & (counts_for != labels))
    return suspects[np.argsort(both[suspects, labels[suspects]], kind="stable")]

"""What one submission may use. Everything beyond is named and ends its judging, never the class."""

from dataclasses import dataclass, fields

from data_tools.errors import KitError


@dataclass(frozen=True)
class Limits:
    """Limits of one submission; all are checked while it is read and judged, none is taken from what it claims."""

    seconds: float = 300.0
    """wall time from opening to grade"""
    cpu_seconds: float = 600.0
    """time of all its threads together"""
    memory_mb: int = 750
    """memory of its process that no other process shares"""
    disk_mb: int = 2000
    """its scratch folder"""
    archive_mb: int = 2000
    """a zip as it was handed in"""
    entries: int = 5000
    """files and folders of a zip or run folder, those that are not read among them"""
    weights_mb: int = 600
    """checkpoints/best.safetensors"""
    arrays_mb: int = 200
    """predictions.npz, packed and unpacked"""
    metrics_mb: int = 32
    """metrics.jsonl"""
    text_kb: int = 512
    """each of the other files"""
    ratio: int = 200
    """unpacked over packed bytes of a file beyond which it counts as a bomb; text of a megabyte may be below"""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise KitError(f"limit {field.name}: {getattr(self, field.name)} is not above 0")

    def of_file(self, name: str) -> int:
        """Largest number of bytes of a file of a run folder."""
        megabytes = {"checkpoints/best.safetensors": self.weights_mb, "predictions.npz": self.arrays_mb,
                     "metrics.jsonl": self.metrics_mb}
        return megabytes[name] << 20 if name in megabytes else self.text_kb << 10


@dataclass(frozen=True)
class CodeLimits:
    """What a student's code may use in its jail (code_jail.py)."""

    seconds: float = 10.0
    """wall time of one call, of the start too"""
    cpu_seconds: int = 120
    """of one process, which answers many calls"""
    memory_mb: int = 512
    """beyond Python and NumPy"""
    scratch_mb: int = 16
    """what it may write"""
    files: int = 64
    """open at a time"""
    output_kb: int = 64
    """what it prints and is kept"""
    answer_mb: int = 32
    """the arrays of one answer"""

"""Logarithmic axes with plain labels: figures are drawn without math text, which matplotlib's own log labels need."""

from typing import Iterable


def logarithmic(axes, which: Iterable[str] = "xy", ticks: int = 6) -> None:
    """Make the x and y axis (those in `which`) logarithmic, with at most `ticks` labels such as 0.01, 1, 1e-6."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for letter in which:
        getattr(axes, f"set_{letter}scale")("log")
        axis = getattr(axes, f"{letter}axis")
        axis.set_major_locator(LogLocator(numticks=ticks))
        axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
        axis.set_minor_formatter(NullFormatter())


def plain(value: float) -> str:
    """0.001 to 10,000 written out, other powers of ten as 1e-6."""
    if 0.0009 < value < 20_000:
        return f"{value:,.10g}"
    mantissa, _, power = f"{value:e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}"

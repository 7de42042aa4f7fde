"""Figures that repeat byte for byte.

style.py            look, palette, fonts, saving
plots.py            plots that works share; diagrams.py: boxes and arrows
shared_figures.py   figures that several reports show
figure_script.py    what every figures.py shares: entries, drawing, command line
"""

"""Figures that repeat byte for byte.

words.py            what figures say, in both languages: words.yaml beside the code that draws
style.py            look, palette, saving; fonts.py: which fonts, and bold where they have none
numbers.py          the numbers behind a figure, as CSV
plots.py            plots that works share; diagrams.py: boxes and arrows
shared_figures.py   figures that several reports show
most_wrong.py       the images that a network got most wrong, and the table of all
first_figures.py    of a work that has no figures.py
figure_script.py    what every figures.py shares: entries, drawing, command line
"""

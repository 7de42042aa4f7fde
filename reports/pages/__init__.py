"""Pages.

report.py     the report, one page a language, and a Markdown tree; templates/ holds both forms
headlines.py  the headlines as pictures: a card for each work, a slide of all
compare.py    runs side by side
"""

"""Pages.

report.py     the report, one page a language, and a Markdown tree; templates/ holds both forms
compare.py    runs side by side
"""

"""Plot style, shared plots, diagrams and tables: everything here reads what a run wrote and never trains."""

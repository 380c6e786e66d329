"""Figures: one function per kind, each takes data and returns Axes or a Figure."""

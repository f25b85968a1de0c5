"""Figures: pure functions from values to drawings, which become SVG text or, with matplotlib, PDF and PNG."""

"""Samples for calibration and evaluation, and what is measured on them."""

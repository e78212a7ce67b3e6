"""Colour science: CIELAB."""

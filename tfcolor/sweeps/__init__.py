"""Grids over config fields."""

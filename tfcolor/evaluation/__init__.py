"""Judging colorizers side by side."""

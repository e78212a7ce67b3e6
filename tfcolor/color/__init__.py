"""Color science: CIELAB."""

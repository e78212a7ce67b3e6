"""From a trained network to colored pictures."""

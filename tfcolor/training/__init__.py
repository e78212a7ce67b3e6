"""From a Config to a trained network."""

"""From a trained network to coloured pictures."""

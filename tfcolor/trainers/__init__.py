"""One module a variant, each with its whole training step."""

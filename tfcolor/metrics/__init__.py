"""How right colours and lines are: figures of pictures."""

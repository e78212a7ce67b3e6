"""The commands. Flags are read here, and nowhere else."""

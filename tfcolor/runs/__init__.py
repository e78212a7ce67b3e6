"""What a run is on disk: its folder, its checkpoints, its events."""

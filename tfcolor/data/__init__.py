"""From a SPEC to batches of Lab: files -> images -> crops -> l and ab."""

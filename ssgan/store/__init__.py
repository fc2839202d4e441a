"""What a run keeps on disk: folders, checkpoints, files that are whole or not at all, checked `.keras` files."""

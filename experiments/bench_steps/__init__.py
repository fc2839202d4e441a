"""What `experiments/bench.py` runs: one training step of ssgan and of each peer, every module in its own process."""

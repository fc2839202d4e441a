"""From options to a trained model: building, the loop, its callbacks and signals."""

"""What surrounds the training loop of `convnets.train`: history, progress, Stop button, checkpoints."""

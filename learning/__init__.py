"""What every trainable thing shares: registry, training, checkpoints, ONNX. Knows no ECGs."""

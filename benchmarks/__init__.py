"""The measurements behind what the project says of itself: ``python -m benchmarks NAME``."""

"""Run-length coding, tested by properties."""

"""The tests of pytest-memguard."""

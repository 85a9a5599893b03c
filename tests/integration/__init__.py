"""Tests through pytester or a child process, as a user would run the plugin."""

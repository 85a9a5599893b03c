"""Cleanup: named strategies at four levels, what each of them gave back, and which ones pay."""

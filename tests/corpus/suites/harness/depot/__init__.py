"""A small depot whose tests use everything that pytest offers, and clean up after themselves."""

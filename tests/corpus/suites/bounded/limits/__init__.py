"""Containers that keep what they are given up to a bound, each in its own way."""

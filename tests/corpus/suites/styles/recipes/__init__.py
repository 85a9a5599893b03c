"""Recipes, tested in every style that pytest collects."""

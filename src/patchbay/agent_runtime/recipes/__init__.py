"""Recipes: reviewed functions that compose frozen calls."""

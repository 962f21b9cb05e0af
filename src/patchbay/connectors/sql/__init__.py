"""Databases spoken to in SQL."""

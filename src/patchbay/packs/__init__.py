"""Curated providers as data: how to connect, what they offer, what is known of them. Returns drafts, saves nothing."""

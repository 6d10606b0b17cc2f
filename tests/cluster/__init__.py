"""Runs on Ray, and what is done to them."""

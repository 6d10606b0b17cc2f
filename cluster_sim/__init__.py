"""Simulates how protected virtual machines move data."""

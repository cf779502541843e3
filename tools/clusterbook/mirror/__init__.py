"""Mirrors: what a recipe pulls, listed, packed for a place without the internet, and loaded there."""

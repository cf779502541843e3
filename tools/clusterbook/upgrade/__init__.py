"""Upgrades: what becomes of the releases of a cluster when it goes from one bundle to another."""

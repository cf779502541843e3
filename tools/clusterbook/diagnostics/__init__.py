"""Diagnostics: errors and findings, each with a place, a code and the next thing to type."""

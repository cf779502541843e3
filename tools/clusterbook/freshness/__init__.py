"""Freshness: how far the pinned charts are behind what their repositories offer."""

"""Bundles: what deploys a recipe, rendered for five deployers, on disk and against another one."""

"""Resolve: from criteria and a catalog to a recipe, to the matrix of them all, and to the documents they become."""

"""One cluster: how its API is asked, what it is told, and what comes back."""

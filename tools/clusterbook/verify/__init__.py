"""How much is known of a bundle, an artifact or a source."""

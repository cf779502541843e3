"""The catalog site: pages, a static API and feeds, made of the facts of other packages; it decides nothing itself."""

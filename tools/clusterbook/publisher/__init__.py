"""The publisher: who publishes this program and its releases, and where."""

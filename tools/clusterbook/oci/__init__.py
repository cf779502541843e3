"""Registries: the store behind `oci://`. Import nothing of it before a registry is really spoken to: it takes 0.1 s."""

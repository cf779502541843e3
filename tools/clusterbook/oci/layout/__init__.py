"""OCI image layouts: a folder, an archive or a web site that holds what a registry would."""

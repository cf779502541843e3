"""What a release consists of: wheel, source archive, single-file archives, root file systems of images, SBOM."""

"""API versions: which spellings of apiVersion are read, and which is written.

Part of every look-up, so it imports nothing. Source: design, section 5; reference row G13.
"""

API_VERSION = "clusterbook.dev/v1alpha1"
"""What our documents say."""
REFERENCE = "aicr.run/v1alpha2"
"""What the reference's documents say."""
FIRST_GENERATION = "aicr.nvidia.com/v1alpha1"
"""What the reference's documents said before."""
API_VERSIONS = (API_VERSION, REFERENCE, FIRST_GENERATION)
"""All that are read."""

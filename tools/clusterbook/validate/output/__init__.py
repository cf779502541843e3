"""The output of checks that ran, read back as measurements."""

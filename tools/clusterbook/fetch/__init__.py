"""What was published comes to this machine, verified first."""

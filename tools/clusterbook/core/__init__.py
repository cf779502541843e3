"""The pure half: text, values and dates go in; values come out. No disk, network, clock, environment or printing."""

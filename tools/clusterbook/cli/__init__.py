"""Both commands: what a command line may say, which function answers it, and what is printed."""

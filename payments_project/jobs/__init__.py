"""What runs by the clock, and what became of each run."""

"""Staff: who may sign in to the console, and the record of what they did."""

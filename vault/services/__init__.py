"""What can be done with payment methods: one operation a file."""

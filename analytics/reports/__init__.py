"""What reports read: one module a report, each one statement on one snapshot. Nothing is written."""

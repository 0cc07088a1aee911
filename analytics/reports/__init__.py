"""What reports read: a module a report, each of one statement on one snapshot; nothing is written."""

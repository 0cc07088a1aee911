"""What the console's pages are made of: lists, searches, filters, panels, cells, the home page."""

"""The demo data of an embedded start: two merchants and sixty days of business."""

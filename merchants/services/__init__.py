"""One operation, one file, one public function named by its domain verb."""

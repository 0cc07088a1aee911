"""Reports over HTTP, as a merchant reads them."""

"""The demo: a real retailer's history, a live scene, and a reckoning of both."""

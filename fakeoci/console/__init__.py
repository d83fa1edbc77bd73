"""The console: one page that shows the cloud live, and switches its faults."""

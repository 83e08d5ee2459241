"""What journals, logs and stores say, for all who show it: the page, the report, the command line."""

"""Commands that draw: the dashboard, the report, the plots."""

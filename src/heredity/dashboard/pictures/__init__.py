"""Pictures as plain data and as images: where things stand, and how they are drawn."""

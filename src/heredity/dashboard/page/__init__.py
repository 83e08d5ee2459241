"""The page itself: its markup, its look and its script, put together without a build step."""

"""What is known of each operator: one registration with its structure rule and its relation rule."""

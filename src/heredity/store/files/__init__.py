"""What lies in a store: names, manifests, files of tensors, and reading them."""

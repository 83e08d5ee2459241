"""What torch.export recorded, turned into a graph of values."""

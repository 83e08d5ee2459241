"""Rules for operators that combine the entries of an axis: products, norms, statistics, recurrences."""

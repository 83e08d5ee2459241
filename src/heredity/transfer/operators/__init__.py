"""What is known of each operator: one registration with its structure rule and its relation rule.

Importing this package registers all of them.
"""

from heredity.transfer.operators import affine as affine
from heredity.transfer.operators import elementwise as elementwise
from heredity.transfer.operators import shape as shape

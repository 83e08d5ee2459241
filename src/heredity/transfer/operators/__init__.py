"""What rules are written in, and the rules themselves. Importing this package registers all of them."""

from heredity.transfer.operators.rules import activations as activations
from heredity.transfer.operators.rules import affine as affine
from heredity.transfer.operators.rules import arithmetic as arithmetic
from heredity.transfer.operators.rules import attention as attention
from heredity.transfer.operators.rules import convolution as convolution
from heredity.transfer.operators.rules import movement as movement
from heredity.transfer.operators.rules import normalization as normalization
from heredity.transfer.operators.rules import pieces as pieces
from heredity.transfer.operators.rules import reductions as reductions
from heredity.transfer.operators.rules import regroup as regroup
from heredity.transfer.operators.rules import tables as tables
from heredity.transfer.operators.rules.combining import along as along
from heredity.transfer.operators.rules.combining import grouped as grouped
from heredity.transfer.operators.rules.combining import products as products
from heredity.transfer.operators.rules.combining import recurrent as recurrent
from heredity.transfer.operators.rules.combining import statistics as statistics
from heredity.transfer.operators.rules.combining import weight_norm as weight_norm
from heredity.transfer.operators.rules.entrywise import factories as factories
from heredity.transfer.operators.rules.entrywise import gates as gates
from heredity.transfer.operators.rules.entrywise import masks as masks
from heredity.transfer.operators.rules.entrywise import repeats as repeats
from heredity.transfer.operators.rules.entrywise import shuffles as shuffles

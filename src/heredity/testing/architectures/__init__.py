"""Random small networks of many kinds, in pairs and families: `random_pair`, `random_relatives`, `KINDS`."""

from heredity.testing.architectures import branched, chains, language, recurrent, residual, vision
from heredity.testing.architectures.kinds import KINDS as KINDS
from heredity.testing.architectures.kinds import Kind as Kind
from heredity.testing.architectures.relatives import Pair as Pair
from heredity.testing.architectures.relatives import Relatives as Relatives
from heredity.testing.architectures.relatives import random_pair as random_pair
from heredity.testing.architectures.relatives import random_relatives as random_relatives

del branched, chains, language, recurrent, residual, vision  # loaded, so that their kinds are registered

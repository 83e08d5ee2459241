"""Which checkpoint of a store becomes the parent: candidates, what each would give, and the first of them."""

from heredity.inheritance.choosing.candidates import Candidates, relatives
from heredity.inheritance.choosing.probing import Probe
from heredity.inheritance.choosing.ranking import Candidate, Ranking, rank

__all__ = ["Candidate", "Candidates", "Probe", "Ranking", "rank", "relatives"]

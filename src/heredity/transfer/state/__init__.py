"""What goes along with the weights: optimizer state, averages of weights, adapters, and how to warm up.

report = carry_optimizer_state(plan, named_optimizer_state(parent, parents_optimizer), child, optimizer)
print(report)                                   # what carries on, what is new and why, how to warm up
"""

from heredity.transfer.state.adapters import AdapterReport as AdapterReport
from heredity.transfer.state.adapters import carry_adapter as carry_adapter
from heredity.transfer.state.averages import carry_average as carry_average
from heredity.transfer.state.averages import carry_averaged_model as carry_averaged_model
from heredity.transfer.state.carry import OptimizerReport as OptimizerReport
from heredity.transfer.state.carry import carry_optimizer_state as carry_optimizer_state
from heredity.transfer.state.named import NamedState as NamedState
from heredity.transfer.state.named import named_optimizer_state as named_optimizer_state
from heredity.transfer.state.named import restore_optimizer_state as restore_optimizer_state
from heredity.transfer.state.ranks import grow_rank as grow_rank
from heredity.transfer.state.ranks import shrink_rank as shrink_rank
from heredity.transfer.state.rewarm import RewarmAdvice as RewarmAdvice
from heredity.transfer.state.rewarm import rewarm_advice as rewarm_advice

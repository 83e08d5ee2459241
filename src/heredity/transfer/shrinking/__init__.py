"""What a smaller child keeps of its parent, and how what is lost is made up for.

plan = plan_transfer(parent_graph, child_graph, keep=by_importance(parent_tensors))
apply(plan, parent_tensors, child)
recalibrate(child, batches, plan=plan)          # statistics of batch normalization, without labels; or more:
plan = fit(plan, child, ..., inputs=inputs)     # all layers by least squares, statistics too
"""

from heredity.transfer.shrinking.fitting import fit as fit
from heredity.transfer.shrinking.importance import by_importance as by_importance
from heredity.transfer.shrinking.recalibration import recalibrate as recalibrate

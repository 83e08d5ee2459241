"""From a parent's weights to a child's: trace both networks, plan, certify, apply, measure.

parent_graph = trace(parent, inputs)            # torch.export, once for each network
plan = plan_transfer(parent_graph, trace(child, example_inputs_like(parent_graph)))
apply(plan, parent.state_dict(), child)
plan.certificate.is_exact                       # proven, not measured; measure_difference measures
"""

import heredity.needs_torch  # noqa: F401  # it says what to install
from heredity.transfer.apply import apply as apply
from heredity.transfer.batches import batches as batches
from heredity.transfer.batches import differ_in_batch_only as differ_in_batch_only
from heredity.transfer.fallback import Layer as Layer
from heredity.transfer.fallback import layers_of_graph as layers_of_graph
from heredity.transfer.fallback import layers_of_tensors as layers_of_tensors
from heredity.transfer.fallback import plan_by_layers as plan_by_layers
from heredity.transfer.names import TensorSpec as TensorSpec
from heredity.transfer.names import plan_by_name as plan_by_name
from heredity.transfer.planner import plan_transfer as plan_transfer
from heredity.transfer.plans.certificate import Certificate as Certificate
from heredity.transfer.plans.certificate import TensorVerdict as TensorVerdict
from heredity.transfer.plans.certificate import Verdict as Verdict
from heredity.transfer.plans.plan import AxisMap as AxisMap
from heredity.transfer.plans.plan import How as How
from heredity.transfer.plans.plan import Step as Step
from heredity.transfer.plans.plan import TransferPlan as TransferPlan
from heredity.transfer.plans.plan_json import plan_from_json as plan_from_json
from heredity.transfer.stored_network import StoredNetwork as StoredNetwork
from heredity.transfer.tracing.leaf_modules import trace_leaf_modules as trace_leaf_modules
from heredity.transfer.tracing.trace import Inputs as Inputs
from heredity.transfer.tracing.trace import example_inputs_like as example_inputs_like
from heredity.transfer.tracing.trace import trace as trace
from heredity.transfer.verify import Difference as Difference
from heredity.transfer.verify import Outputs as Outputs
from heredity.transfer.verify import measure_difference as measure_difference
from heredity.transfer.verify import outputs_of as outputs_of

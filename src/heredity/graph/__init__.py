"""Networks as plain data: operators, their order, shapes, names by content. Knows no torch."""

from heredity.graph.batch_sizes import alike_in_batch as alike_in_batch
from heredity.graph.batch_sizes import with_batch as with_batch
from heredity.graph.fingerprint import fingerprint as fingerprint
from heredity.graph.fingerprint import node_fingerprints as node_fingerprints
from heredity.graph.fingerprint import outline_and_layers as outline_and_layers
from heredity.graph.fingerprint import signature as signature
from heredity.graph.graph_json import graph_from_json as graph_from_json
from heredity.graph.module_graph import Argument as Argument
from heredity.graph.module_graph import Batch as Batch
from heredity.graph.module_graph import Graph as Graph
from heredity.graph.module_graph import InputSpec as InputSpec
from heredity.graph.module_graph import Kind as Kind
from heredity.graph.module_graph import Node as Node
from heredity.graph.module_graph import Ref as Ref
from heredity.graph.tokens import Token as Token
from heredity.graph.tokens import cut_into_tokens as cut_into_tokens
from heredity.graph.tokens import origin as origin

"""Layers of which a sub-network uses a part: the first channels, the centre of a kernel."""

from heredity.oneshot.elastic.convolution import ElasticConv1d, ElasticConv2d
from heredity.oneshot.elastic.linear import ElasticLinear
from heredity.oneshot.elastic.normalization import ElasticBatchNorm1d, ElasticBatchNorm2d, ElasticLayerNorm
from heredity.oneshot.elastic.parts import Parts, separate_parts
from heredity.oneshot.elastic.sizes import Elastic

__all__ = [
    "Elastic", "ElasticBatchNorm1d", "ElasticBatchNorm2d", "ElasticConv1d", "ElasticConv2d",
    "ElasticLayerNorm", "ElasticLinear", "Parts", "separate_parts",
]  # fmt: skip

"""The operators that replay may run: their outputs depend on their arguments alone, and they
write nowhere. Random, in-place and device operators are left out, whatever torch offers."""

from __future__ import annotations

_NAMES = """
_log_softmax _native_batch_norm_legit_no_training _softmax _to_copy _unsafe_view abs acos
adaptive_avg_pool2d add addbmm addcdiv addcmul addmm addmv alias all amax amin any arange argmax
argmin asin atan atan2 avg_pool2d baddbmm bitwise_and bitwise_not bitwise_or bitwise_xor bmm cat
ceil clamp clamp_max clamp_min clone constant_pad_nd convolution cos cosh cumprod cumsum detach
diagonal div dot einsum elu embedding eq erf erfc exp exp2 expand expm1 flatten flip floor
floor_divide fmod full full_like gather ge gelu group_norm gt hardsigmoid hardswish hardtanh
index index_select isinf isnan layer_norm le leaky_relu lerp linear log log10 log1p log2
log_softmax logical_and logical_not logical_or logical_xor logsumexp lt masked_fill matmul max
max_pool2d max_pool2d_with_indices maximum mean min minimum mish mm mul mv native_group_norm
native_layer_norm ne neg nll_loss_forward norm ones_like outer permute pow prod reciprocal relu
remainder repeat reshape rms_norm roll round rsqrt rsub scalar_tensor
scaled_dot_product_attention scatter scatter_add select select_scatter sigmoid sign silu sin sinh
slice slice_scatter softmax softplus sort split split_with_sizes sqrt square squeeze stack std
sub sum t tan tanh threshold topk transpose tril triu true_divide unbind unsqueeze
upsample_bilinear2d upsample_nearest2d var var_mean view where zeros_like
"""
PURE_OPERATORS = frozenset(_NAMES.split())

_ONNX = """
Abs Add And AveragePool BatchNormalization Ceil Clip Concat Conv Cos Div Elu Equal Erf Exp Flatten
Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish
Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul
Max MaxPool Mean Min Mul Neg Not Or PRelu Pow Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum
Relu Reshape Round Selu Sigmoid Sign Sin Slice Softmax Softplus Softsign Sqrt Squeeze Sub Sum Tanh
Transpose Unsqueeze Where Xor
"""
ONNX_OPERATORS = frozenset(_ONNX.split())
"""The same of ONNX."""
SLOW_ONNX_OPERATORS = frozenset(("AveragePool", "MaxPool", "Erf", "Gelu"))
"""Those that the onnx package computes element by element."""

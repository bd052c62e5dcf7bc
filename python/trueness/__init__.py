"""Compare what a model computed with what it should have computed, tensor by tensor."""

"""All that knows numba's insides: the decorators that the model's functions are compiled by."""

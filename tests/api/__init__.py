"""The Python functions, and real kernels that use them."""

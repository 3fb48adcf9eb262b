"""Frameworks: the same networks in PyTorch, Keras and Flax, built to be compared with, or written down as code.

    plan          a network's layers, wired a second time, apart from the count
    equivalents   our table of tensors under a framework's names
    pytorch, keras, flax      what each can build, and building it without allocating weights where it can
    verifying     one network, ours against theirs, tensor by tensor
    code          one network as a module of PyTorch or Keras

What goes in are a network's fields, what comes out is a `Comparison` or the text of a module. Begin with `verifying`.
No framework is imported before it is asked for.
"""

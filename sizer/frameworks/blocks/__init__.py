"""Models of blocks in frameworks: written down as a module, and compared with what that module holds, tensor by tensor.

    order             which blocks can be run one after another, and the names that they have in code
    layers            the layers of a recurrent block, wired a second time, apart from the count
    torch_modules     what each block is in torch.nn, or why torch.nn has no such thing
    torch_forward     what each block does with what it reads
    torch_parts       functions and layers that torch.nn has not, copied into what is written
    torch_code, keras_code    the whole module
    torch_names       our table of tensors under PyTorch's names
    comparing         one model, ours against what the framework makes of the module that is written

Begin with `torch_code`. What is compared is the module that `sizer code` writes, built on the meta device and run there.
"""

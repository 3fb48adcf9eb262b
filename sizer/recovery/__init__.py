"""Look into a model file, as networks: names and shapes become recurrent stacks, the blocks around them, and a model.

    contents -> kinds of tensors -> cells, by their names' layout -> stacks of layers -> blocks around them -> a model

Every fact says by what it was found: stated by the format, by names, or by shape only. What is found is counted, and
believed only where the count is that of its tensors; what is not found is listed.
"""

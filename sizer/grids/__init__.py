"""A frozen sweep becomes, block by block in id order, the configurations that are kept and an account of all the others.

    ids, columns    where a configuration stands, and the swept fields as arrays that broadcast over a box
    kernels         a counted column on such arrays
    engine          walks every block: validity, budget, `where`. Begin here
    account, repeats    where each configuration went, and which of them equal an earlier one
    pruning         the same rows and account at a cost that follows what is found
    best_rows       the first rows by a counted column, either way

What goes in is a `Sweep`, what comes out are `Rows` of NumPy arrays and an `Account`; nothing here knows a file.
"""

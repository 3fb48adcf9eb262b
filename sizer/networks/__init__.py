"""Networks: tensors, cells, conventions, and the exact count of one network. Plain Python, nothing imported."""

"""What the engine finds, found without walking the grid: boxes are decided by their corners, since counts grow.

To be read in this order:

    pieces              a grid is cut into boxes on which every count grows
    interval_conditions, polynomial_conditions      a condition on a whole box, and as polynomials that are at most 0
    verdicts            what all conditions say to boxes of a piece
    boxes               boxes by the thousand: open, taken, or left as lines and slices
    straight_cuts, lattice_points, straight_slices  lines and planes of equal steps are counted by division
    search              open boxes are split until they are decided
    counts              the exact account of a sweep, condition by condition; kept_bounds where that takes too long
    rows, best_boxes    the kept rows in id order, and the best of them by a counted column

What goes in is a sweep for which `counts.prunable` holds; what comes out are the engine's rows and account.
"""

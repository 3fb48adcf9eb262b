"""What is asked of one network or of many, but for the count itself: a mapping of fields goes in, a frozen answer comes out.

    breakdown           `explain`: tensor by tensor, with the formula; model_breakdown, of a model of blocks
    comparison          `compare`: the same words under every convention
    reconciliation      `reconcile`: which readings give a stated figure. stated_figures reads the figure, assumptions
                        lists what can be read otherwise at which price, answers is what is found
    fitting             `fit`: which width keeps a network within a budget, by search along a course
    batch, fits         `count_batch`, `fits`: in microseconds each, on structures that are wired once

Each module is one question and begins with its public function; breakdown is the shortest to begin with. Plain Python.
"""

"""Auto-map: from a goal in plain language to a binding that compiles, over any schema in view.

The passes, in order: :mod:`.goal` reads what is asked (:mod:`.clauses` finds what is to be done, :mod:`.phrasing` the runs of
words and their roles), :mod:`.retrieving` finds operations that may answer it, :mod:`.scoring` ranks them, :mod:`.inputs` maps
what is given to arguments, :mod:`.fields` chooses what comes back, :mod:`.narrowing` turns words such as *latest* or *open* into
order, limit and fixed values, :mod:`.proposing` builds the binding and has it checked and compiled, and :mod:`.explaining` says
why and what a person should settle. All of it is pure: no I/O, the same answer each time.
"""

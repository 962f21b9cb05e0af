"""Reading what callers say and comparing it with what is on file. Pure: no I/O, and nothing is ever logged.

Every reading forgives *how* something is said (spacing, case, accents, spoken digits, the order of a date's parts where the place
decides it) and never *what* is said: two values are the same only when they are the same value.
"""

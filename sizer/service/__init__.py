"""The service: what the library answers, over HTTP, for pages, searches and other languages.

    settings    what a server was started with, and what it puts up with
    app         the doors: which address leads to which room
    networks    one network or many: count, compare, explain, fit, code
    sweeps      sweeps become jobs, and say how far they are
    rows        the rows of finished jobs: pages, files, plots
    jobs        what is known of each job, in SQLite
    runner      jobs run, each in a process of its own (worker)
    helpers     processes for questions that may take long (helper)
    bodies, faults, guard, metrics, described    what every answer has in common

FastAPI and its kin are imported here and nowhere else.
"""

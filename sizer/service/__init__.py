"""The service: what the library answers, over HTTP, for pages, searches and other languages.

A request goes in at the guard, and from the app to its room; JSON comes out, a file, or the page. What may take long is
done by other processes: questions by those of a pool, which answers while somebody waits, and sweeps as jobs, which
outlive the server. Begin to read in `app`, then a room: `networks` is the shortest.

    server, connections        a socket, and what is put up with on each connection
    settings                   what a server was started with, and its limits
    guard                      before every request: who may ask
    app                        which address leads to which room
    networks, sweeps, rows     the rooms: networks; sweeps, which become jobs; the rows of jobs that are done
    pages                      the page's own files
    state                      what the rooms share

    question_pool              processes that answer questions, and who waits for them
    question_process           such a process
    network_answers            the body of a question about networks -> its answer

    jobs, storage              what is known of each job, in SQLite, which may fail
    job_runner                 jobs run, each in a process of its own
    job_process                such a process

    bodies, faults, refusals, metrics    what every answer has in common
    openapi, schemas           what each address takes and answers, in OpenAPI's words

FastAPI and its kin are imported here and nowhere else.
"""

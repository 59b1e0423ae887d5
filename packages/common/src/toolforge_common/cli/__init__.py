"""What the command-line programs share: programs as tables, sessions, transport, output, exit codes.

A program states its commands in a `program.Program`, which answers `--help` without importing Click.
Everything else is imported when a command runs:

    program     a program as a table; starting and ending a process quickly
    static_help the help of a group, word for word as Click prints it
    runner      runs a program; the one place that turns exceptions into exit codes
    group       the Click group that imports a command when it is asked for
    session     what a command gets: console, configuration, clients
    console     streams, colours, messages of the servers
    errors      the table of exit codes, and errors as people read them
    api_client  JSON over a transport; rebuilds the errors that a service raised
    transport   requests and responses, and the TLS connection that carries them
    numbers     whole numbers as options, refused in plain words
    tables      `pretty`, `grid` and `simple` tables

Nothing is imported here, so that importing one of them imports that one alone.
"""

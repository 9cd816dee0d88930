"""Pictures from outside: fetched under guard, decoded in a process of its own, stored.

The door through which every picture comes that a user attaches or links to. Knows no command and no
job: what is done with a picture is decided elsewhere.
"""

"""Bulk changes are plans: one engine for everything that is done to many numbers.

A *planner* turns what somebody wants into a `Plan`: a file with one unit of work for each number, which a person can
read and approve. Everything behind it is the same for every kind of plan, and is not in this room:

    inventory + map ──> plan.planner ─────────────┐
    table of numbers ─> changeset.import_planner ─┼─> plan file ──> apply ──> verify ──> report
    selection + values > changeset.set_planner ───┘   (checksum)     │  └── interrupted: run it again
                                                                     └── rollback

    plan/         the model, the file and its checksum     run/          order, canary, pace, stopping, status, verify
    journal/      what was sent, and claims on numbers     deprovision/  what is undone, shown and confirmed first

What differs is one procedure for each number: `move.steps.move_number` imports (a table has no source, and that is all
the difference to a migration), `set_steps.change_settings` changes settings of a record that is there. `run.work` says
which of them a plan uses.

The settings of one number, by their lines in the journal:

    NOT_STARTED ──announced──> IN_DOUBT ──answered, or found──> STARTED ──read back, equal──> CHANGED
         │                      │  │  ^                          │  │                            │
         │ changed since        │  │  └──── the next setting ────┘  │ differs, or an error       │
         v it was shown         │  │                                v                            │
       FAILED           refused │  │ must not be repeated,        FAILED                         │
                                v  v and no look found it                                        │
                           FAILED  NEEDS_ACTION                                                  │
                                                                                                 │
    ROLLED_BACK <──rollback, from every state in which something was written, or may have been───┘

One setting is one write: the label, the trunk, the agents. A line announces it right before its request is sent, and
another one says what came of it. After a kill the record is read: what shows as it was wanted, and did not before, was
done; what can be sent twice (`Semantics.IDEMPOTENT`) is sent again; what cannot (`Semantics.ONCE`) is looked for until
the settling window is over, and never sent again.

A rollback sets back what can be read, to what the plan says it was, and says first what it cannot: a password, a
setting that its provider cannot clear. It only touches records that are as this plan left them.
"""

"""What is on disk around each step that costs, in one SQLite file that all kernels of a user share.

serialization   tasks as plain data and back
database        the file: shared, patient, and set aside where it is damaged
salvage         what can still be read of a damaged file
leases          which process follows a task, and whether it still lives
probe           whether there may be anything unfinished, told without opening the file
spending        what each day's tasks cost or may cost, summed
exchanges       what went over the wire for the last clips
folders         what the sidecars of media folders said when they were last read
descriptions    what tasks are searched by: a text of each, and notes that are in no sidecar
wanted          which tasks are looked for, in both
journal         what was asked for, what was sent, and what came of it
"""

"""A task's way from a checked spec to a saved video, on the engine's one loop.

options          how a task is run from where it stands
runner           starts runs, and holds what they share
base             what all runs have in common: stopping, and watching another kernel's
task_run         the run of a task that a service makes, and its states
film_run         the run of a film, which is made here
sources          what a task is made from, waited for
submission       sending the paid request: once, written down a moment before it leaves
funds            whether the money for a call is there
uploads          files of the user's on their way to a service
slots            how many submissions are on their way at once
poller           when tasks are asked for, in batches
watch            what other kernels do with tasks that are watched here, read once a second for all
duration_store   how long tasks took, remembered
"""

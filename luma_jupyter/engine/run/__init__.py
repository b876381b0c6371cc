"""A task's way from a checked spec to a saved video, on the engine's one loop.

options          how a task is run from where it stands
runner           starts runs, and holds what they share
task_run         the coroutine behind one task, and its states
submission       sending the paid request: once, written down a moment before it leaves
funds            whether the money for a call is there
uploads          files of the user's on their way to a service
slots            how many submissions are on their way at once
poller           when tasks are asked for, in batches
watch            what other kernels do with tasks that are watched here, read once a second for all
duration_store   how long tasks took, remembered
"""

"""What ``%load_ext luma_jupyter`` brings into a shell.

extension   the names: ``%luma``, ``%%luma``, and their completion
misplaced   cells that IPython would refuse before they are called
magics      what they do
doctor      what ``%luma doctor`` says
help        what ``%luma help`` says
"""

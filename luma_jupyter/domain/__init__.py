"""The values that the floors hand each other: frozen, checked when built. No I/O, no clock, no HTML.

vocabulary       what there is to choose from: actions, services, ratios, status words
identifiers      which words can be names of variables
visibility       which characters can be seen
urls             what an address is: of the web, of this network, of which server
mp4              what is in an MP4 or MOV file
media            kinds of files, told by their bytes, and `LocalFile`
requests         what is asked for
fingerprint      what equal requests have in common
money            prices and balances
task             what a service says of a task, and a task's snapshot
duration_model   how long tasks take, and when it is worth asking for one
"""

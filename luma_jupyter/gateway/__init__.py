"""The gateway: one service beside JupyterHub that holds a class's keys, and one ledger of all that it pays for.

A kernel speaks to it as it speaks to the services themselves: the gateway's address stands where theirs would. What a
paid request goes through, from top to bottom::

    POST /luma/videos             acedata_api.py    the wire of AceDataCloud; runapi_api.py that of RunAPI
      who asks                    identity.py       the Hub, or the gateway's own tokens
      Submissions.submit          submissions.py    the one place that pays: admits, sends, settles
        Turns.take                turns.py          waits for this student's turn; nothing is entered yet
        Ledger.admit              ledger.py         one transaction: the intent, the money for it, and that it is sent
        Vendors.submit            vendors.py        the POST itself, by the client that kernels use, too
        Ledger.accept, .refuse, … ledger.py         what came of it, with its money, in one transaction
    what may run again            jobs.py           look-ups, downloads, what is swept: jobs of procrastinate

PostgreSQL is all that the processes share.

settings     what a gateway is told: keys, addresses, caps
database     the pool of connections, the versions of the tables, who is told of news
records      the rows of the ledger as values
identity     who asks: users of the Hub, holders of tokens
seen         who was here last
rows         the rows in the database: found, listed, due
ledger       intents and money
turns        whose request goes next
submissions  the way of a paid request
vendors      the services, asked with the class's keys
bodies       what is sent to them: judged, and with their own addresses
uploads      files of students, kept, and given to each service once
trouble      what a teacher has to know of; which service is to be left alone
refusals     what is answered where something stands in the way
logs         the log, which has neither keys nor prompts
handler      what all handlers have in common, and the log of none may have
monitoring   whether a process works, and figures for Prometheus
api          what both wires have in common
acedata_api  AceDataCloud's wire, its platform's too
runapi_api   RunAPI's wire
storage      files by content, at an address of fsspec
media        which of them there are, for how long; their signed addresses, which media_handler serves
callbacks    services say that something has happened
looks        look-ups for the whole class, in rounds; look_plan says of which task when
saving       videos are fetched, each once
settling     what became of lost requests, what was charged
jobs         what workers do: all of this, as jobs of procrastinate
pages        the pages of teachers and students, and the wall
app          the web application: which address is answered by what
serve        the processes: replicas under a supervisor, workers
embedded     a PostgreSQL of its own, and all else in one folder
personal     what is kept of a person: exported, erased
doctor       how a gateway gets on, and whether all that it needs works
subkeys      AceDataCloud's own sub-keys, for a class without a gateway
command      the command line, ``luma-gateway``, which begins in __main__
"""

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
rows         the rows in the database: found, listed, due
ledger       intents and money
turns        whose request goes next
submissions  the way of a paid request
vendors      the services, asked with the class's keys
api          what both wires have in common
acedata_api  AceDataCloud's wire, its platform's too
runapi_api   RunAPI's wire
media        the videos: fetched once, kept by content, served by signed addresses
jobs         what workers do
app          the web application: which address is answered by what
serve        the processes: replicas under a supervisor, workers, all in one
command      the command line, ``luma-gateway``
"""

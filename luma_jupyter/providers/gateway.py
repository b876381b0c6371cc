"""Submissions to a class gateway: repeated by themselves, with the same body and key, until it answers.

That cannot pay twice: a gateway answers a repeated request from its ledger. What comes from the proxy in front of it
says nothing of the request. Only where the gateway itself has lost the service's answer is the clip unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping

from luma_jupyter.errors import ConnectionLost, Unconfirmed, Unreachable
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER, SUBMIT_TRIES, Call, gave_up
from luma_jupyter.providers.protocol import LOST_AT_GATEWAY, SubmissionListener
from luma_jupyter.providers.responses import read_error

GATEWAY_NAME = N_("The class gateway")  # in its errors
WAITS_FOR_TURN = N_("It waits for its turn at the class gateway.")


async def submit_until_answered(http: HttpClient, call: Call, listener: SubmissionListener | None = None) -> Reply:
    """Send a request that creates a paid task, until the gateway itself answers. A wait for a turn has no end.

    Raises Unreachable where no try has left, ConfigError, and what ``listener`` raises. Cancelling takes effect as in
    `Requests.submit`: what has left may have been accepted.
    """
    in_doubt = listener is not None and listener.unconfirmed  # an earlier try may have been accepted
    attempt = unreached = 0  # tries, and how many of them in a row reached nobody
    while True:
        attempt += 1
        delay = http.backoff(attempt)
        try:
            reply = await http.requests.submit_once(call, listener)
        except Unconfirmed as lost:
            in_doubt, reason = True, lost.cause.finding
        except (Unreachable, ConnectionLost) as error:
            unreached += 1
            if unreached >= SUBMIT_TRIES and not in_doubt:
                raise gave_up(error) from None
            reason = error.finding
        else:
            unreached = 0
            if reply.status == 429:
                reason = read_error(reply.data)[1] or WAITS_FOR_TURN
                if asked := reply.retry_after:
                    delay = min(asked, LONGEST_RETRY_AFTER) * (1 + http.random() / 10)
            elif _is_answer(reply, in_doubt=in_doubt):
                return reply
            else:
                in_doubt, reason = True, N_(f"{call.service} did not answer (HTTP {reply.status}).")
        if listener:
            await (listener.unanswered if in_doubt else listener.not_accepted)(reason, delay)
        await http.sleep(delay)


def _is_answer(reply: Reply, *, in_doubt: bool) -> bool:
    """Whether a reply is the gateway's own, and says what became of the request.

    A refusal that is no JSON came before the gateway: it settles nothing once an earlier try has left.
    """
    if reply.status >= 500:
        return read_error(reply.data)[0] == LOST_AT_GATEWAY
    if isinstance(reply.data, Mapping):
        return reply.status != 408
    return not in_doubt and not reply.ok and reply.status != 408

"""The error tree: its drawing, its messages, and that every error survives pickling, copying and a notebook."""

from __future__ import annotations

import contextlib
import copy
import inspect
import pickle
import re

import pytest
from IPython.lib.pretty import pretty

from luma_jupyter import errors
from luma_jupyter.errors import (
    ClipError,
    InvalidRequest,
    LumaError,
    NotConfirmed,
    ServiceError,
    Unconfirmed,
    WaitInterrupted,
    with_words,
)

CLASSES = {name: getattr(errors, name) for name in errors.__all__}
SERVICE_ERRORS = [kind for kind in CLASSES.values() if issubclass(kind, ServiceError)]


def example(kind: type[BaseException]) -> BaseException:
    """An error of the class, with everything set that it can hold."""
    service_error = ServiceError(
        "AceDataCloud", "no, thanks", code="nope", http_status=418, trace_id="t-1", retry_after=2.5, advice="Try tea."
    )
    if issubclass(kind, ServiceError):
        return kind(*service_error.__reduce__()[1][1], code="nope", http_status=418, trace_id="t-1", retry_after=2.5)
    if kind is Unconfirmed:
        return Unconfirmed(service_error)
    return kind("it happened", service_error) if issubclass(kind, ClipError) else kind("it happened")


def drawn_tree() -> dict[str, tuple[str | None, str | None]]:
    """The tree of the module docstring: each name with its parent and the built-in beside it."""
    tree: dict[str, tuple[str | None, str | None]] = {}
    path: list[str] = []
    drawing = (errors.__doc__ or "").partition("::\n")[2].partition("\nIn IPython")[0]
    for line in filter(str.strip, drawing.splitlines()):
        found = re.match(r"    ((?:[│ ]   )*(?:[├└]── )?)(\w+)(?: \((\w+)\))?(?:  |$)", line)
        assert found, line
        depth = len(found[1]) // 4
        path[depth:] = [found[2]]
        tree[found[2]] = (path[depth - 1] if depth else None, found[3])
    return tree


def real_tree() -> dict[str, tuple[str | None, str | None]]:
    """The same of the classes themselves."""
    tree = {}
    for name, kind in CLASSES.items():
        own = [base.__name__ for base in kind.__bases__ if base.__name__ in CLASSES]
        foreign = [base.__name__ for base in kind.__bases__ if base.__module__ == "builtins"]
        tree[name] = (own[0] if own else None, foreign[0] if foreign and name != "LumaError" else None)
    return tree


def test_drawn_tree_is_the_real_one() -> None:
    """The tree in the module docstring shows every class under its real parent, with its built-in base."""
    assert drawn_tree() == real_tree()


def test_public_names_are_all_classes() -> None:
    """`__all__` names every exception of the module, sorted, and nothing else."""
    defined = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException) and not name.startswith("_")
    ]
    assert errors.__all__ == sorted(defined)


def test_public_names_are_frozen() -> None:
    """Nobody adds or removes an error class by accident: users catch them by name."""
    assert " ".join(errors.__all__) == (
        "AccessDenied ClipCancelled ClipDetached ClipError ClipFailed ClipNotReady ClipUnconfirmed ConfigError "
        "Conflict ConnectionLost DownloadError Expired InsufficientBalance InvalidKey InvalidParameter InvalidRequest "
        "KeyReused LumaError Moderated NoSuchStudent NotConfirmed NotEnoughBalance NotFound OverBudget RateLimited "
        "ServiceDown ServiceError TaskFailed Unconfirmed Unreachable UnusableAnswer WaitInterrupted WaitTimeout"
    )


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_error_is_shown_in_one_line(kind: type[BaseException]) -> None:
    """IPython shows each error, raised or displayed, as one line: its name, then the whole message."""
    error = example(kind)
    (line,) = error._render_traceback_()  # type: ignore[attr-defined]
    assert pretty(error) == line
    name = "Interrupted" if kind is WaitInterrupted else kind.__name__
    assert line == f"{name}: {error}"
    assert "\n" not in line


@pytest.mark.parametrize("kind", [kind for kind in CLASSES.values() if issubclass(kind, LumaError)])
def test_with_message_keeps_all_else(kind: type[LumaError]) -> None:
    """Another message, the same class and facts; the error itself stays what it was."""
    error = example(kind)
    twin = errors.with_message(error, "sunset: it went wrong")
    assert (type(twin), str(twin)) == (kind, "sunset: it went wrong")
    assert {**vars(twin)} == {**vars(error)}
    assert str(error) != str(twin)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_error_survives_pickle_and_copy(kind: type[BaseException], again: object) -> None:
    """Each error keeps its class, message and facts through copy and pickle."""
    error = example(kind)
    twin = again(error)  # type: ignore[operator]
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert {name: str(value) for name, value in vars(twin).items()} == {n: str(v) for n, v in vars(error).items()}


@pytest.mark.parametrize("kind", [kind for kind in CLASSES.values() if issubclass(kind, AttributeError)])
def test_attribute_errors_keep_hasattr_harmless(kind: type[LumaError]) -> None:
    """An attribute that raises it counts as missing: `hasattr`, a default, tab completion do not blow up."""

    class Holder:
        @property
        def url(self) -> str:
            raise kind("not yet")

    assert not hasattr(Holder(), "url")
    assert getattr(Holder(), "url", "later") == "later"


def test_attribute_errors_are_these() -> None:
    """Exactly the errors of clip attributes are AttributeErrors; a typo in the engine is none of them."""
    names = {name for name, kind in CLASSES.items() if issubclass(kind, AttributeError)}
    assert names == {n for n in CLASSES if n.startswith("Clip")}


def test_wait_interrupted_passes_except_exception() -> None:
    """A wait that the user interrupts stops the cell, though the cell catches all ordinary exceptions."""

    def cell() -> None:
        with contextlib.suppress(Exception):
            raise WaitInterrupted("the clip is still being watched")

    with pytest.raises(KeyboardInterrupt, match="still being watched"):
        cell()


def test_reason_of_a_clip_error() -> None:
    """A clip's error carries the service's refusal, or None."""
    refusal = ServiceError("RunAPI")
    assert errors.ClipFailed("no", refusal).reason is refusal
    assert errors.ClipFailed("no").reason is None


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({}, "RunAPI refused the request."),
        ({"words": "bad day"}, "RunAPI refused the request: “bad day”."),
        ({"http_status": 418}, "RunAPI refused the request (HTTP 418)."),
        ({"code": "teapot"}, "RunAPI refused the request (teapot)."),
        ({"trace_id": "abc"}, "RunAPI refused the request (trace abc)."),
        ({"advice": "Make tea."}, "RunAPI refused the request. Make tea."),
        (
            {"words": "w", "http_status": 400, "code": "c", "trace_id": "t", "advice": "Go on."},
            "RunAPI refused the request: “w” (HTTP 400, c, trace t). Go on.",
        ),
    ],
)
def test_service_error_message(facts: dict[str, object], message: str) -> None:
    """The message holds what is known, in this order: what happened, its words, status, code, trace id, advice."""
    error = ServiceError("RunAPI", **facts)  # type: ignore[arg-type]
    assert str(error) == message
    assert {name: getattr(error, name) for name in facts} == facts


@pytest.mark.parametrize("kind", SERVICE_ERRORS)
def test_every_service_error_says_what_happened_and_what_to_do(kind: type[ServiceError]) -> None:
    """Each kind has a finding of its own, and advice unless it depends on the key's variable or on nothing known."""
    error = kind("AceDataCloud")
    assert error.finding == f"{kind.what.format(service='AceDataCloud')}."
    assert kind.what.startswith("{service} ")
    assert kind.advice.endswith(".") or kind in (ServiceError, errors.InvalidKey)
    assert kind in (ServiceError,) or kind.what != ServiceError.what


@pytest.mark.parametrize("kind", [kind for kind in SERVICE_ERRORS if kind is not errors.TaskFailed])
def test_advice_never_asks_to_pay_again(kind: type[ServiceError]) -> None:
    """The same errors happen while a paid task is looked at: none tells to run the cell again."""
    assert not re.search(r"again|nothing was sent", kind.advice, re.IGNORECASE)


def test_unconfirmed_says_what_it_may_cost() -> None:
    """It says what happened and that it may be billed; what to do then is for whoever knows the clip."""
    error = Unconfirmed(errors.ServiceDown("AceDataCloud", "boom", http_status=500))
    assert str(error) == (
        "AceDataCloud is having trouble: “boom” (HTTP 500). The request was sent: it may have been accepted and billed."
    )
    assert error.cause.http_status == 500


def test_with_words_calls_a_parameter_as_the_user_does() -> None:
    """Only at the beginning, where messages name it; the kind of error stays, and others are the very same."""
    words = {"start_image": "--start-image", "--takes": "Takes"}
    error = with_words(NotConfirmed("start_image: there is no file 'start_image.png'."), words)
    assert type(error) is NotConfirmed
    assert str(error) == "--start-image: there is no file 'start_image.png'."
    assert str(with_words(InvalidRequest("--takes must be a whole number."), words)) == "Takes must be a whole number."
    for other in (InvalidRequest("The start_image is empty."), InvalidRequest(""), InvalidRequest("start_image2: no")):
        assert with_words(other, words) is other

"""The ways in which a call is not authenticated."""

RETRY_AFTER = 5
"""Seconds that a 503 tells the caller to wait."""


class LatchkeyError(Exception):
    """The base of the errors of this package."""

    code = "error"
    message = "The call could not be authenticated."


class InvalidToken(LatchkeyError):
    """The token is not good for this service: answer 401."""

    code = "invalid_token"
    message = "The access token has expired or is not good for this service."


class UserNotFound(InvalidToken):
    """No local user has this id, and none is to be created: answer 401."""

    code = "user_not_found"
    message = "There is no such user here."


class UserInactive(InvalidToken):
    """The local user is not active: answer 401."""

    code = "user_inactive"
    message = "This user is not active."


class UserNotStored(LatchkeyError):
    """The user model cannot store this user: answer 403. The log says why."""

    code = "user_not_stored"
    message = "This user cannot be stored here."


class Unavailable(LatchkeyError):
    """Latchkey did not answer, so nobody knows: answer 503, never 401."""

    code = "temporarily_unavailable"
    message = "The token cannot be checked at the moment. Please try again."

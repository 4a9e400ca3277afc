"""Sessions by token, with a lifetime. The clock is passed in, in seconds."""

from sessions.tokens import token_for


class Session:
    def __init__(self, user, opened, lifetime):
        self.user = user
        self.opened = opened
        self.lifetime = lifetime

    @property
    def ends(self):
        return self.opened + self.lifetime


class SessionStore:
    """Valid for `lifetime` seconds from the last time it was used (or opened)."""

    def __init__(self, clock, lifetime=30):
        self._clock = clock
        self._lifetime = lifetime
        self._sessions = {}
        self._logins = 0

    def open(self, user, lifetime=None):
        self._logins += 1
        token = token_for(user, self._logins)
        seconds = self._lifetime if lifetime is None else lifetime
        self._sessions[token] = Session(user, self._clock(), seconds)
        return token

    def user(self, token):
        """Whose session it is, or None. Looking keeps it alive."""
        session = self._sessions.get(token)
        if session is None:
            return None
        now = self._clock()
        if now > session.ends:
            del self._sessions[token]
            return None
        session.opened = now
        return session.user

    def purge(self):
        """Throw away what is over; how many there were."""
        now = self._clock()
        over = [token for token, session in self._sessions.items() if session.ends <= now]
        for token in over:
            del self._sessions[token]
        return len(over)

    def __len__(self):
        return len(self._sessions)

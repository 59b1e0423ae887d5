"""One request and its answer as they pass: counted, bounded, and marked with the request id."""

from __future__ import annotations

import asyncio

from toolforge_common.errors import ToolforgeError
from toolforge_common.identity import REQUEST_ID_HEADER
from toolforge_gateway import answers
from toolforge_gateway.asgi import Message, Receive, Send

_REQUEST_ID = REQUEST_ID_HEADER.encode("ascii")
_GONE: Message = {"type": "http.disconnect"}


class Exchange:
    """Stands between an app and the server for one request.

    `status` is 0 until an answer began, `sent` the size of its body so far, `is_gone` whether the
    caller left. A body that grows beyond the bound, or is not there after `body_time` seconds, is
    answered here; the app then sees the caller leave.
    """

    def __init__(
        self, receive: Receive, send: Send, request_id: str, max_body: int, body_time: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._max_body = max_body
        self._received = 0
        self._body_time = body_time
        # What was decided at the head of a request must not be carried out much later.
        self._deadline = asyncio.get_running_loop().time() + body_time
        self._has_whole_body = False
        self._is_cut_off = False
        self.status = 0
        self.sent = 0
        self.is_gone = False

    async def receive(self) -> Message:
        """Give the app the next piece of the request."""
        if self._is_cut_off:
            return _GONE
        try:
            async with asyncio.timeout_at(None if self._has_whole_body else self._deadline):
                message = await self._receive()
        except TimeoutError:
            await self._cut_off(answers.body_too_slow(self._body_time))
            return _GONE
        if message["type"] == "http.disconnect":
            self.is_gone = True
            return message
        self._received += len(message.get("body", b""))
        self._has_whole_body = not message.get("more_body", False)
        if self._received > self._max_body:
            await self._cut_off(answers.body_too_large(self._max_body))
            return _GONE
        return message

    async def send(self, message: Message) -> None:
        """Take a piece of the app's answer."""
        if not self._is_cut_off:
            await self._pass_on(message)

    async def answer(self, answer: answers.Answer) -> None:
        """Answer in the app's place, unless an answer has begun already."""
        if not self.status:
            await answer.send(self._pass_on)

    async def _cut_off(self, error: ToolforgeError) -> None:
        self._is_cut_off = True
        await self.answer(answers.refusal(error, self._request_id))

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kept = [(name, value) for name, value in message["headers"] if name != _REQUEST_ID]
            message = {
                **message,
                "headers": [*kept, (_REQUEST_ID, self._request_id.encode("ascii"))],
            }
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)
